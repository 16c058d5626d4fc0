import { parseArgs } from 'node:util'
import { readConfig } from '../contracts/configFile.ts'
import { connectConfig } from '../contracts/gatewayConfig.ts'
import { toCountersignError } from '../support/errors.ts'
import { openGatewaySession } from './gatewayLink.ts'
import { type CliContext, openEndpoint, usage } from './endpoint.ts'
import { readTransitionFile } from './identityFile.ts'

const USAGE = `countersign identity announce --config FILE --transition FILE
  Tells the gateway of a connect configuration which key follows the one of its "identity", which must be the old one.
  Prints {"status":"accepted"|"pending"|"refused","to":…}. Pending: its operator decides; say it again later to hear.
  Exit code: 0 accepted, 3 pending, 1 refused or failed.`

/** `countersign identity announce`. @returns the exit code: 0 accepted, 3 pending, 1 refused */
export async function runAnnounce(argv: readonly string[], context: CliContext): Promise<number> {
  const { file, transition, help } = readArguments(argv)
  if (help) {
    context.stdout(USAGE)
    return 0
  }
  const { from, to, bytes } = await readTransitionFile(transition)
  const config = await readConfig(file, connectConfig)
  const endpoint = await openEndpoint(file, config, context)
  try {
    if (endpoint.kid !== from.kid)
      throw usage(`The transition is from ${from.kid}; "identity" of ${file} is another key.`)
    const session = await openGatewaySession(config, endpoint, context)
    try {
      const status = await session.transition(bytes)
      context.stdout(JSON.stringify({ status, to: to.kid }))
      return { accepted: 0, pending: 3, refused: 1 }[status]
    } finally {
      await session.close()
    }
  } finally {
    await endpoint.close()
  }
}

function readArguments(argv: readonly string[]): { file: string; transition: string; help: boolean } {
  const options = { config: { type: 'string' }, transition: { type: 'string' }, help: { type: 'boolean' } } as const
  try {
    const { values } = parseArgs({ args: [...argv], options, strict: true })
    const help = values.help === true
    const { config: file = '', transition = '' } = values
    if (!help && (file === '' || transition === '')) throw usage('Say --config FILE and --transition FILE.')
    return { file, transition, help }
  } catch (thrown) {
    throw usage(toCountersignError(thrown, thrown instanceof Error ? thrown.message : undefined).message)
  }
}
