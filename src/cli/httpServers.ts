import { readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { GatewayConfig } from '../contracts/gatewayConfig.ts'
import { assertCertificates } from '../crypto/certificates.ts'
import type { HttpUpstreamConfig, UpstreamConfig } from '../mcp/upstream/config.ts'
import { CountersignError } from '../support/errors.ts'
import { StateFile } from '../trust/stateFile.ts'

type Servers = Pick<GatewayConfig, 'servers' | 'proxy'>
export type HttpServer = Extract<GatewayConfig['servers'][string], { url: string }>

/**
 * The servers of a gateway's file as upstreams. What they name relatively is relative to the file: stdio servers start in its
 * folder, unless they name another.
 * @throws CountersignError `file-unreadable`, `config-invalid` for a "ca" that is no certificate
 */
export async function upstreamsOf(file: string, config: Servers): Promise<Record<string, UpstreamConfig>> {
  const folder = dirname(resolve(file))
  const entries = Object.entries(config.servers).map(async ([name, entry]): Promise<[string, UpstreamConfig]> => {
    if ('command' in entry) return [name, { ...entry, cwd: resolve(folder, entry.cwd ?? '.') }]
    return [name, await httpUpstreamOf(folder, name, entry, config.proxy)]
  })
  return Object.fromEntries(await Promise.all(entries))
}

/** @throws as `upstreamsOf` */
export async function httpUpstreamOf(
  folder: string,
  name: string,
  entry: HttpServer,
  gatewayProxy: string | undefined,
): Promise<HttpUpstreamConfig> {
  const { url, headers, plain } = entry
  const proxy = entry.proxy ?? gatewayProxy
  return {
    url,
    headers,
    plain,
    ...(proxy !== undefined && proxy !== 'none' && { proxy }),
    ...(entry.ca !== undefined && { ca: await readAuthorities(resolve(folder, entry.ca), name) }),
  }
}

/** Where a gateway keeps its tokens for one server: readable by its owner only. */
export function grantFile(state: string, server: string): StateFile {
  return new StateFile(join(state, 'grants'), `${server}.json`, { secret: true })
}

async function readAuthorities(path: string, name: string): Promise<string> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    throw new CountersignError('file-unreadable', `${path}, "ca" of the server ${name}, cannot be read.`, { cause })
  }
  try {
    assertCertificates(text)
    return text
  } catch (cause) {
    // Node takes such a file without a word, and then trusts nobody.
    const sentence = `${path}, "ca" of the server ${name}, is not a file of certificates (PEM).`
    throw new CountersignError('config-invalid', sentence, { cause })
  }
}
