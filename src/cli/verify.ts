import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { type Finding, OfflineVerifier } from '../evidence/offline.ts'
import { CountersignError, toCountersignError } from '../support/errors.ts'
import { printable, printableJson } from './printable.ts'
import { Progress } from './progress.ts'
import { readTrust } from './trustedFiles.ts'
import { lineOf, summaryOf } from './verdictLines.ts'

/** Each call is one line, given without its line feed. */
export interface Io {
  readonly stdout: (line: string) => void
  readonly stderr: (line: string) => void
  /** Resolves when whoever reads standard output has room for more; left out where that is always. */
  readonly drained?: () => Promise<void>
  /** Overwrites one line of a terminal; left out where standard error is none. */
  readonly progress?: (text: string) => void
}

const USAGE = `countersign verify [--trust KID|FILE]… [--transition FILE]… [--quiet] [--json] FILE…

Verifies evidence bundles and journals offline and says one verdict a line, then one for each session. Nothing that a file
says of itself is believed.

  --trust KID|FILE    a key that you trust, by its kid or as a JWK file, or a key ring: keys with the time in which each
                      counts; give both ends' keys, and that of whoever put a bundle together
  --transition FILE   a document by which one key follows another: who trusts the old one trusts the new one from then on
  --quiet             only what does not hold, and the sessions
  --json              one JSON document a line, the summary last

Exit code: 0 all holds, 1 something is false, 2 incomplete, or no key to compare signers with.`

/**
 * `countersign verify [--trust KID|FILE]… [--transition FILE]… [--quiet] [--json] FILE…`: one verdict a line, then a summary.
 * @returns the exit code: 0 all holds, 1 something is false, 2 incomplete, also without `--trust` and when called wrongly
 */
export async function runVerify(argv: readonly string[], io: Io): Promise<number> {
  try {
    const given = parseArguments(argv)
    if (given.help) {
      io.stdout(USAGE)
      return 0
    }
    const trusted = await readTrust(given.trust, given.transition, (line) => io.stderr(`countersign verify: ${line}`))
    const verifier = new OfflineVerifier(trusted)
    await verifyAll(verifier, given, io)
    const { summary } = verifier
    io.stdout(given.json ? printableJson({ summary }) : summaryOf(summary, given.trust.length > 0))
    return summary.exitCode
  } catch (thrown) {
    const error = toCountersignError(thrown)
    io.stderr(`countersign verify: ${printable(error.message, 300)}`)
    if (error.code === 'usage') io.stderr('Say "countersign verify --help" for its arguments.')
    // Not 1: that is a verdict on evidence, and there is none.
    return 2
  }
}

async function verifyAll(verifier: OfflineVerifier, { files, json, quiet }: Arguments, io: Io): Promise<void> {
  const show = (finding: Finding) => {
    if (quiet && finding.state === 'holds' && finding.session === undefined) return undefined
    io.stdout(json ? printableJson(finding) : lineOf(finding))
    return io.drained?.()
  }
  const progress = new Progress(await sizeOf(files), io.progress)
  try {
    for (const file of files) {
      for await (const finding of verifier.verifyFile(file, progress.watch(createReadStream(file)))) await show(finding)
    }
  } finally {
    progress.end()
  }
  for (const finding of verifier.finish()) await show(finding)
}

/** Bytes of all of them; what cannot be looked at is a finding later. */
async function sizeOf(files: readonly string[]): Promise<number> {
  const sizes = await Promise.all(
    files.map(async (file) => {
      const found = await stat(file).catch(() => undefined)
      return found?.size ?? 0
    }),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

interface Arguments {
  readonly trust: readonly string[]
  readonly transition: readonly string[]
  readonly json: boolean
  readonly quiet: boolean
  readonly help: boolean
  readonly files: readonly string[]
}

function parseArguments(argv: readonly string[]): Arguments {
  try {
    const { values, positionals } = parseArgs({
      args: joined(argv),
      options: {
        trust: { type: 'string', multiple: true, default: [] },
        transition: { type: 'string', multiple: true, default: [] },
        json: { type: 'boolean', default: false },
        quiet: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
      allowPositionals: true,
    })
    if (positionals.length > 0 || values.help) return { ...values, files: positionals }
  } catch (cause) {
    const sentence = cause instanceof Error ? cause.message : 'The arguments cannot be read.'
    throw new CountersignError('usage', sentence, { cause })
  }
  throw new CountersignError('usage', 'Name at least one file of evidence.')
}

/** `--trust KID` as `--trust=KID`: one kid in 64 begins with "-" and would otherwise be read as an option. */
function joined(argv: readonly string[]): string[] {
  const args: string[] = []
  for (let index = 0; index < argv.length; index++) {
    const [arg = '', value] = [argv[index], argv[index + 1]]
    if (arg !== '--trust' || value === undefined) args.push(arg)
    else {
      args.push(`${arg}=${value}`)
      index++
    }
  }
  return args
}
