import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { readConfig } from '../contracts/configFile.ts'
import { gatewayConfig } from '../contracts/gatewayConfig.ts'
import { fingerprintWords } from '../crypto/fingerprint.ts'
import { isKid } from '../crypto/jwk.ts'
import { systemClock } from '../support/clock.ts'
import { CountersignError, toCountersignError } from '../support/errors.ts'
import { type Rotation, type RotationDecision, Rotations } from '../trust/rotations.ts'
import { fileNameOf } from '../trust/transitionStore.ts'
import { type CliContext, usage } from './endpoint.ts'
import { readTransitionFile } from './identityFile.ts'
import { printable, shownTime } from './printable.ts'

const USAGE = `countersign trust list --config FILE
countersign trust confirm|refuse KID --config FILE
  What clients of a gateway said about keys that follow theirs, and what was decided. KID is the new key's. Compare its words
  with the ones that the client's owner reads out before you confirm. A running gateway sees the decision by itself.`

type Verb = 'list' | 'confirm' | 'refuse'

/** `countersign trust`. @returns the exit code */
export async function runTrust(argv: readonly string[], context: CliContext): Promise<number> {
  const { verb, kid, file, help } = readArguments(argv)
  if (help) {
    context.stdout(USAGE)
    return 0
  }
  const config = await readConfig(file, gatewayConfig)
  const folder = resolve(dirname(resolve(file)), config.state)
  const policy = { rotation: config.rotation, grace: config.rotationGrace * 3_600_000 }
  const rotations = new Rotations(folder, policy, systemClock, context.log)
  const [came, decisions] = [await rotations.list(), await rotations.decisions()]
  if (verb === 'list') {
    for (const rotation of came) show(rotation, decisions, came, context)
    if (came.length === 0) context.stdout('No client has said that another key follows its own.')
    return 0
  }
  const rotation = came.find(({ to }) => to === kid)
  if (rotation === undefined)
    throw new CountersignError('key-missing', `No client has said that ${kid} follows its key.`)
  if (verb === 'confirm') await checkDocument(folder, rotation)
  await rotations.decide(rotation, verb === 'confirm' ? 'confirmed' : 'refused', 'operator')
  show(rotation, await rotations.decisions(), came, context)
  return 0
}

/** The list says who is meant, and the document proves it: a decision rests on both. */
async function checkDocument(folder: string, { from, to, at }: Rotation): Promise<void> {
  const document = await readTransitionFile(join(folder, 'transitions', fileNameOf(from, to)))
  if (document.from.kid !== from || document.to.kid !== to || document.at !== at) {
    throw new CountersignError('file-unreadable', 'The list of transitions and the document say different things.')
  }
}

function show(
  { from, to, at, name, received }: Rotation,
  decisions: readonly RotationDecision[],
  came: readonly Rotation[],
  context: CliContext,
): void {
  const decision = decisions.find((one) => one.from === from && one.to === to)
  const rivals = came.filter((one) => one.from === from && one.to !== to)
  context.stdout(`${stateOf(decision)}: ${printable(name)}, received ${shownTime(received)}, from ${shownTime(at)} on`)
  context.stdout(`  old key ${from}  ${fingerprintWords({ kid: from }).join(' ')}`)
  context.stdout(`  new key ${to}  ${fingerprintWords({ kid: to }).join(' ')}`)
  if (rivals.length > 0)
    context.stdout('  CONTESTED: the old key signed for other keys as well. Somebody else may have it.')
}

function stateOf(decision: RotationDecision | undefined): string {
  if (decision === undefined) return 'waits for you'
  const { by, decided, until } = decision
  const end = until === undefined ? '' : `; the old key ends ${shownTime(until)}`
  return `${decision.decision} by ${by === 'operator' ? 'you' : 'the policy'} ${shownTime(decided)}${end}`
}

function readArguments(argv: readonly string[]): { verb: Verb; kid: string; file: string; help: boolean } {
  const options = { config: { type: 'string' }, help: { type: 'boolean' } } as const
  // One kid in 64 begins with "-": it stands behind the verb, where no option does.
  const [verb = '', ...rest] = argv
  const kid = rest[0] !== undefined && isKid(rest[0]) ? rest[0] : ''
  if ((verb === 'confirm' || verb === 'refuse') && kid === '' && rest[0]?.startsWith('--') === false)
    throw usage(`${printable(rest[0])} is no kid. "countersign trust list" says those of the new keys.`)
  try {
    const { values } = parseArgs({ args: kid === '' ? rest : rest.slice(1), options, strict: true })
    const { config: file = '', help = false } = values
    if (help || verb === '--help') return { verb: 'list', kid, file, help: true }
    if (verb !== 'list' && verb !== 'confirm' && verb !== 'refuse') throw usage('Say trust list, confirm or refuse.')
    if (file === '') throw usage('Say which configuration: --config FILE.')
    if ((verb === 'list') !== (kid === '')) throw usage('Say which key: its kid, right behind confirm or refuse.')
    return { verb, kid, file, help }
  } catch (thrown) {
    throw usage(toCountersignError(thrown, thrown instanceof Error ? thrown.message : undefined).message)
  }
}
