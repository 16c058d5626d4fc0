import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { VaultIdentity } from '../../contracts/identityConfig.ts'
import type { Log } from '../../support/log.ts'
import { SampleGateway, type SamplePlaces } from '../sample/sampleGateway.ts'

/** Why the gateway ended a connection, by its own log. */
export interface Refusal {
  readonly code: string
  readonly sentence: string
}

/** The gateway that is attacked. */
export interface TrialGateway {
  readonly url: string
  readonly kid: string
  /** Where its key is: for the attacker who is the gateway. */
  readonly key: VaultIdentity
  /** How many bytes the server behind it was given, in all its processes. */
  serverBytes(): Promise<number>
  /** The newest first. */
  refusals(): readonly Refusal[]
  stop(): Promise<void>
}

/** The bundled sample gateway, with key, state and journal in the trial's own folder, and a server that keeps what it is given. */
export async function startSample(
  { cli, sampleServer }: Pick<SamplePlaces, 'cli' | 'sampleServer'>,
  folder: string,
  log: Log,
  signal: AbortSignal,
): Promise<TrialGateway> {
  const tally = join(folder, 'server.bytes')
  const refusals: Refusal[] = []
  const said = (line: string): void => {
    const refusal = refusalOf(line)
    if (refusal !== undefined) refusals.unshift(refusal)
  }
  const sample = new SampleGateway({ cli, sampleServer, sample: join(folder, 'gateway') }, log, { tally, said })
  const { route, pin } = await sample.start(signal, () => {})
  return {
    url: route.kind === 'websocket' ? route.url : '',
    kid: pin,
    key: sample.key,
    serverBytes: async () => (await stat(tally).catch(() => ({ size: 0 }))).size,
    refusals: () => refusals,
    stop: () => sample.stop(),
  }
}

const REFUSED =
  /^countersign warn: a (?:session ended|connection was refused) .*?\bcode=([a-z0-9-]{1,40}) reason=(.{1,400})$/

/** A line of a gateway's log, as `StreamLog` writes it; undefined where it is about something else. */
export function refusalOf(line: string): Refusal | undefined {
  const [, code, sentence] = REFUSED.exec(line) ?? []
  return code === undefined || sentence === undefined ? undefined : { code, sentence }
}
