import { sha384Text } from '../../crypto/hash.ts'
import { encodeUtf8 } from '../../crypto/encoding.ts'

/** MCP sessions that are remembered. The oldest is forgotten first: its agent then gets 404 and begins a new one. */
const REMEMBERED = 16_384

/**
 * Which client an `Mcp-Session-Id` of an HTTP server belongs to. Ids are secrets to their servers, but all clients of a
 * gateway share its place in the network: without this, one client's id is enough for another to read its session.
 */
export class SessionIds {
  private readonly owners = new Map<string, string>()

  bind(server: string, id: string, kid: string): void {
    const key = keyOf(server, id)
    // A server that hands out one id twice must not move a session from one client to another.
    if (this.owners.has(key)) return
    this.owners.set(key, kid)
    if (this.owners.size <= REMEMBERED) return
    for (const oldest of this.owners.keys()) {
      this.owners.delete(oldest)
      return
    }
  }

  owns(server: string, id: string, kid: string): boolean {
    return this.owners.get(keyOf(server, id)) === kid
  }

  forget(server: string, id: string): void {
    this.owners.delete(keyOf(server, id))
  }
}

/** A digest: the map then costs the same for every id, and holds none that could be used. */
function keyOf(server: string, id: string): string {
  return `${server}\n${sha384Text(encodeUtf8(id))}`
}
