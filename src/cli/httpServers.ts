import { readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type ConfigText, type GatewayConfig, HEADER_VALUE } from '../contracts/gatewayConfig.ts'
import { assertCertificates } from '../crypto/certificates.ts'
import type { HttpUpstreamConfig, UpstreamConfig } from '../mcp/upstream/config.ts'
import { CountersignError } from '../support/errors.ts'
import { StateFile } from '../trust/stateFile.ts'

type Servers = Pick<GatewayConfig, 'servers' | 'proxy'>
export type HttpServer = Extract<GatewayConfig['servers'][string], { url: unknown }>
type StdioServer = Exclude<GatewayConfig['servers'][string], HttpServer>

/**
 * The servers of a gateway's file as upstreams. What they name relatively is relative to the file: stdio servers start in its
 * folder, unless they name another.
 * @throws CountersignError `file-unreadable`, `config-invalid` for a "ca" that is no certificate or a variable that is not set
 */
export async function upstreamsOf(file: string, config: Servers): Promise<Record<string, UpstreamConfig>> {
  const folder = dirname(resolve(file))
  const entries = Object.entries(config.servers).map(async ([name, entry]): Promise<[string, UpstreamConfig]> => {
    if ('command' in entry) return [name, stdioUpstreamOf(folder, name, entry)]
    return [name, await httpUpstreamOf(folder, name, entry, config.proxy)]
  })
  return Object.fromEntries(await Promise.all(entries))
}

function stdioUpstreamOf(folder: string, name: string, { command, args, env, cwd = '.' }: StdioServer) {
  return {
    command,
    args: args.map((arg) => textOf(name, arg)),
    env: textsOf(name, env),
    cwd: resolve(folder, cwd),
  }
}

/** @throws as `upstreamsOf` */
export async function httpUpstreamOf(
  folder: string,
  name: string,
  entry: HttpServer,
  gatewayProxy: string | undefined,
): Promise<HttpUpstreamConfig> {
  const { plain } = entry
  const headers = textsOf(name, entry.headers)
  for (const [header, value] of Object.entries(headers)) {
    // From the environment it was not looked at yet.
    if (!HEADER_VALUE.test(value))
      throw new CountersignError('config-invalid', `Server ${name}: the value of the header ${header} cannot be sent.`)
  }
  const proxy = entry.proxy ?? gatewayProxy
  return {
    url: textOf(name, entry.url),
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

function textsOf(server: string, texts: Readonly<Record<string, ConfigText>>): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, textOf(server, text)]))
}

function textOf(server: string, text: ConfigText): string {
  if (typeof text === 'string') return text
  const value = process.env[text.fromEnv]
  // Never an empty text in its place: a server would take that for what was meant.
  if (value !== undefined) return value
  const sentence = `Server ${server}: the variable ${text.fromEnv} is not in the gateway's environment. Set it and start again.`
  throw new CountersignError('config-invalid', sentence)
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
