import { dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import * as v from 'valibot'
import { readConfig } from '../contracts/configFile.ts'
import { parseIdentityConfig } from '../contracts/identityConfig.ts'
import { openIdentity } from '../keys/hsm/openIdentity.ts'
import { systemClock } from '../support/clock.ts'
import { toCountersignError } from '../support/errors.ts'
import { exportRing, KeyRing, lifeState } from '../trust/keyRing.ts'
import { type CliContext, usage } from './endpoint.ts'

const USAGE = `countersign identity retire|revoke --config FILE
  Ends the key of "identity" in a configuration of gateway or connect: it signs nothing more. What a retired key signed
  before still counts; a revoked key may have been somebody else's. The key itself stays where it is.
countersign identity ring --config FILE
  Prints the keys that were ended here with their windows, for "countersign verify --trust FILE".`

const config = v.looseObject({ identity: v.unknown(), state: v.pipe(v.string(), v.nonEmpty()) })

/** `countersign identity retire|revoke|ring`. @returns the exit code */
export async function runOwnKeys(
  verb: 'retire' | 'revoke' | 'ring',
  argv: readonly string[],
  context: CliContext,
): Promise<number> {
  const { file, help } = readArguments(argv)
  if (help) {
    context.stdout(USAGE)
    return 0
  }
  const { identity, state } = await readConfig(file, config)
  const folder = dirname(resolve(file))
  const ring = new KeyRing(resolve(folder, state), systemClock)
  if (verb === 'ring') {
    context.stdout(new TextDecoder().decode(exportRing(await ring.list())).trimEnd())
    return 0
  }
  const opened = await openIdentity(parseIdentityConfig(identity, folder), context)
  try {
    const { kid, algorithm, publicKey, custody, description } = opened.signer
    await ring.adopt({ kid, algorithm, publicKey, custody, label: description.slice(0, 256), place: resolve(file) })
    await ring[verb](kid)
    const life = await ring.find(kid)
    context.stdout(JSON.stringify({ kid, state: life === undefined ? null : lifeState(life, systemClock.now()) }))
    return 0
  } finally {
    opened.dispose()
    await opened.closed()
  }
}

function readArguments(argv: readonly string[]): { file: string; help: boolean } {
  const options = { config: { type: 'string' }, help: { type: 'boolean' } } as const
  try {
    const { values } = parseArgs({ args: [...argv], options, strict: true })
    const help = values.help === true
    const { config: file = '' } = values
    if (!help && file === '') throw usage('Say which configuration: --config FILE.')
    return { file, help }
  } catch (thrown) {
    throw usage(toCountersignError(thrown, thrown instanceof Error ? thrown.message : undefined).message)
  }
}
