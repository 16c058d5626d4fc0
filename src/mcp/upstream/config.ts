import { CountersignError } from '../../support/errors.ts'

export interface StdioUpstreamConfig {
  readonly command: string
  readonly args?: readonly string[] | undefined
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly cwd?: string | undefined
}

export interface HttpUpstreamConfig {
  readonly url: string
  /** Sent with every request, in place of what the agent sent by that name. The place for the server's credentials. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Allows http: beyond loopback. */
  readonly plain?: boolean | undefined
  /** Certificates (PEM) of the authorities that are trusted for it, in place of those that Node knows. */
  readonly ca?: string | undefined
  /** An http: proxy that is asked for a tunnel. Loopback is always reached directly. */
  readonly proxy?: string | undefined
}

export type UpstreamConfig = StdioUpstreamConfig | HttpUpstreamConfig

/**
 * What a server inherits of the gateway's environment. All else (tokens, PINs, cloud credentials of whoever started the
 * gateway) is none of its business; what it needs stands in its configuration.
 */
export const INHERITED =
  process.platform === 'win32'
    ? [
        'APPDATA',
        'HOMEDRIVE',
        'HOMEPATH',
        'LOCALAPPDATA',
        'PATH',
        'PATHEXT',
        'PROCESSOR_ARCHITECTURE',
        'PROGRAMFILES',
        'SYSTEMDRIVE',
        'SYSTEMROOT',
        'TEMP',
        'TMP',
        'USERNAME',
        'USERPROFILE',
      ]
    : ['HOME', 'LANG', 'LC_ALL', 'LC_CTYPE', 'LOGNAME', 'PATH', 'SHELL', 'TERM', 'TMPDIR', 'TZ', 'USER']

/** Headers that belong to the connection: set from outside they would make two parsers see two messages. */
const CONNECTION = new Set([
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'te',
  'trailer',
  'upgrade',
  'expect',
  'keep-alive',
  'accept-encoding',
  'content-encoding',
])
const LOOPBACK = /^(localhost|127(?:\.\d{1,3}){3}|\[::1\])$/

/** @throws CountersignError `config-invalid` for what is no address, is plain http beyond loopback, or sets a connection's header */
export function checkHttpUpstream(name: string, config: HttpUpstreamConfig): URL {
  if (!URL.canParse(config.url)) throw invalid(name, 'the address cannot be read')
  const url = new URL(config.url)
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw invalid(name, 'the address is neither https: nor http:')
  if (url.username !== '' || url.password !== '')
    throw invalid(name, 'credentials belong into "headers", not the address')
  if (url.protocol === 'http:' && config.plain !== true && !isLoopback(url)) {
    throw invalid(name, 'beyond this machine the address must be https: (or say "plain": true and mean it)')
  }
  const bad = Object.keys(config.headers ?? {}).find((header) => CONNECTION.has(header.toLowerCase()))
  if (bad !== undefined) throw invalid(name, `the header ${bad} cannot be set`)
  return url
}

/** By its address, not by what a name resolves to. */
export function isLoopback(url: URL): boolean {
  return LOOPBACK.test(url.hostname)
}

export function isStdio(config: UpstreamConfig): config is StdioUpstreamConfig {
  return 'command' in config
}

function invalid(name: string, what: string): CountersignError {
  return new CountersignError('config-invalid', `Server ${name}: ${what}. Mend the configuration and start again.`)
}
