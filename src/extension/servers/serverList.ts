import type { GatewaySetting } from '../../contracts/settings.ts'
import { encodeUtf8 } from '../../crypto/encoding.ts'
import { sha384Text } from '../../crypto/hash.ts'

export interface ListedServer {
  readonly gateway: string
  readonly name: string
  /** Unique in the editor's list: it is what the editor hands back. */
  readonly label: string
  /** Changes with gateway and key, which makes the editor ask the server for its tools again. */
  readonly version: string
}

export function listServers(gateways: readonly GatewaySetting[], keyVersion: string): ListedServer[] {
  const all = gateways.flatMap((setting) => setting.servers.map((name) => ({ setting, name })))
  return all.map(({ setting, name }) => {
    const alone = all.filter((other) => other.name === name).length === 1
    const digest = sha384Text(encodeUtf8(JSON.stringify([setting, keyVersion])))
    return {
      gateway: setting.name,
      name,
      label: alone ? name : `${name} (${setting.name})`,
      version: digest.slice(0, 16),
    }
  })
}
