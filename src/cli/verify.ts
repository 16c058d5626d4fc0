import { createReadStream } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Finding, OfflineVerifier, type Summary } from '../evidence/offline.ts'
import { CountersignError, toCountersignError } from '../support/errors.ts'
import { printable, printableJson, shownTime } from './printable.ts'
import { readTrust } from './trustedFiles.ts'

/** Each call is one line, given without its line feed. */
export interface Io {
  readonly stdout: (line: string) => void
  readonly stderr: (line: string) => void
}

const USAGE = `countersign verify [--trust KID|FILE]… [--transition FILE]… [--json] FILE…

Verifies evidence offline and says one verdict a line. Nothing that a file says of itself is believed.

  --trust KID|FILE    a key that you trust, by its kid or as a JWK file, or a key ring: keys with the time in which each
                      counts; give both ends' keys to verify a whole journal
  --transition FILE   a document by which one key follows another: who trusts the old one trusts the new one from then on
  --json              one JSON document a line, the summary last

Exit code: 0 all holds, 1 something is false, 2 incomplete, or no key to compare signers with.`

/**
 * `countersign verify [--trust KID|FILE]… [--transition FILE]… [--json] FILE…`: one verdict a line, then a summary.
 * @returns the exit code: 0 all holds, 1 something is false, 2 incomplete, also without `--trust` and when called wrongly
 */
export async function runVerify(argv: readonly string[], io: Io): Promise<number> {
  try {
    const { trust, transition, json, help, files } = parseArguments(argv)
    if (help) {
      io.stdout(USAGE)
      return 0
    }
    const trusted = await readTrust(trust, transition, (line) => io.stderr(`countersign verify: ${line}`))
    const verifier = new OfflineVerifier(trusted)
    const show = (finding: Finding) => io.stdout(json ? printableJson(finding) : lineOf(finding))
    for (const file of files) {
      for await (const finding of verifier.verifyFile(file, createReadStream(file))) show(finding)
    }
    for (const finding of verifier.finish()) show(finding)
    const { summary } = verifier
    io.stdout(json ? printableJson({ summary }) : summaryOf(summary, trust.length > 0))
    return summary.exitCode
  } catch (thrown) {
    const error = toCountersignError(thrown)
    io.stderr(`countersign verify: ${printable(error.message, 300)}`)
    if (error.code === 'usage') io.stderr(USAGE)
    // Not 1: that is a verdict on evidence, and there is none.
    return 2
  }
}

interface Arguments {
  readonly trust: readonly string[]
  readonly transition: readonly string[]
  readonly json: boolean
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
        help: { type: 'boolean', default: false },
      },
      allowPositionals: true,
    })
    if (positionals.length > 0 || values.help) return { ...values, files: positionals }
  } catch (cause) {
    throw new CountersignError('usage', 'An argument is not understood.', { cause })
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

const WORDS = { holds: 'holds     ', false: 'FALSE     ', incomplete: 'incomplete' } as const

function lineOf({ file, line, state, notes, record }: Finding): string {
  const place = file === '' ? 'all files' : `${printable(file, 500)}${line === 0 ? '' : `:${line}`}`
  const parts = [`${WORDS[state]} ${place}`]
  if (record !== undefined) parts.push(recordOf(record))
  return [...parts, ...notes.map((note) => printable(note, 300))].join(' · ')
}

function recordOf({ how, kid, custody, statement }: NonNullable<Finding['record']>): string {
  const signer = `by ${printable(kid, 43)} (${custody ?? 'custody not known'})`
  if (statement === undefined) return `${how}, ${signer}`
  const { dir, seq, kind, server, method, id, exchange, ctx, ts } = statement
  const what = [kind, ...(method === undefined ? [] : [printable(method)])].join(' ')
  const which = id === undefined ? '' : `, id ${printable(id)}`
  return `${dir} ${seq} ${what} · ${server}, exchange ${exchange}${which} · ${ctx.length} B · ${shownTime(ts)} · ${how} ${signer}`
}

function summaryOf(
  { files, sessions, records, holds, incomplete, exitCode, ...rest }: Summary,
  trusting: boolean,
): string {
  const counted = `${records} records of ${sessions} sessions in ${files} files`
  const verdict = { 0: 'All holds.', 1: 'Something is false.', 2: 'Incomplete.' }[exitCode]
  const signers = trusting ? '' : ' No signer was compared with anything: name the keys that you trust with --trust.'
  return `${verdict} ${counted}: ${holds} hold, ${rest.false} false, ${incomplete} incomplete.${signers}`
}
