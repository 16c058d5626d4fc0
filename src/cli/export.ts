import { dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import * as v from 'valibot'
import { readConfig } from '../contracts/configFile.ts'
import { parseIdentityConfig } from '../contracts/identityConfig.ts'
import { exportBundle } from '../evidence/bundle/exportBundle.ts'
import { writeNewFile } from '../evidence/bundle/file.ts'
import { BUNDLE_EXTENSION } from '../evidence/bundle/format.ts'
import type { Choice } from '../evidence/bundle/selection.ts'
import { openJournal } from '../evidence/journal/store.ts'
import { isDigest } from '../evidence/statement.ts'
import { openIdentity } from '../keys/hsm/openIdentity.ts'
import { systemClock } from '../support/clock.ts'
import { toCountersignError } from '../support/errors.ts'
import { KeyRing } from '../trust/keyRing.ts'
import { knownKeys } from '../trust/knownKeys.ts'
import { type CliContext, usage } from './endpoint.ts'
import { printable } from './printable.ts'
import { UsableSigner } from './usableSigner.ts'

const USAGE = `countersign export --config FILE --out FILE${BUNDLE_EXTENSION} [--journal FOLDER]
                   [--session SID | --context DIGEST… | --from TIME --to TIME] [--redact DIGEST|all]…

Writes evidence of a journal into one file that an outsider can verify ("countersign verify", or docs/verify/verify.mjs).

  --config FILE      a configuration of gateway or connect: its key signs the bundle, its journal is read
  --out FILE         must not exist
  --journal FOLDER   another journal than that of the configuration
  --session SID      one session
  --context DIGEST   one context, by the digest of its statement or of its bytes; may be repeated
  --from, --to TIME  what was recorded from the one until before the other: a date, or an instant with its zone
  --redact DIGEST    a context whose bytes stay out; "all": the bytes of all. Their digests stay in and are proven

Without a selection everything is exported. Method, id, server, times and lengths of redacted contexts stay readable, and
whoever can guess a context can compare the guess with its digest.

Exit code: 0 written, 3 written, but the journal is damaged or not complete, 1 not written, 2 wrong arguments.`

const config = v.looseObject({
  identity: v.unknown(),
  state: v.pipe(v.string(), v.nonEmpty()),
  journal: v.pipe(v.string(), v.nonEmpty()),
})

interface Arguments {
  readonly config: string
  readonly out: string
  readonly journal: string | undefined
  readonly choice: Choice
  readonly redact: ReadonlySet<string>
}

/** `countersign export`. @returns the exit code: 0, or 3 where the journal has problems */
export async function runExport(argv: readonly string[], context: CliContext): Promise<number> {
  const given = readArguments(argv)
  if (given === 'help') {
    context.stdout(USAGE)
    return 0
  }
  const { identity, ...folders } = await readConfig(given.config, config)
  const folder = dirname(resolve(given.config))
  const state = resolve(folder, folders.state)
  const journal = await openJournal(given.journal ?? resolve(folder, folders.journal))
  const ring = new KeyRing(state, systemClock)
  const known = await knownKeys(await ring.list(), state)
  const opened = await openIdentity(parseIdentityConfig(identity, folder), context)
  try {
    const exporter = new UsableSigner(opened.signer, ring, systemClock)
    await exporter.check()
    const { redact } = given
    const exported = await writeNewFile(given.out, (write) =>
      exportBundle(journal.read(), {
        ...given.choice,
        ...known,
        exporter,
        at: systemClock.now(),
        write,
        redact: ({ ctx }, digest) => redact.has('all') || redact.has(digest) || redact.has(ctx.digest),
      }),
    )
    const { problems, ...counts } = exported
    for (const problem of problems) context.stderr(`countersign export: the journal: ${printable(problem, 300)}`)
    context.stdout(JSON.stringify({ ...counts, file: given.out, kid: exporter.kid, problems: problems.length }))
    return problems.length > 0 ? 3 : 0
  } finally {
    opened.dispose()
    await opened.closed()
  }
}

function readArguments(argv: readonly string[]): Arguments | 'help' {
  const options = {
    config: { type: 'string' },
    out: { type: 'string' },
    journal: { type: 'string' },
    session: { type: 'string' },
    context: { type: 'string', multiple: true },
    from: { type: 'string' },
    to: { type: 'string' },
    redact: { type: 'string', multiple: true },
    help: { type: 'boolean' },
  } as const
  try {
    const { values } = parseArgs({ args: spelledOut(argv), options, strict: true })
    if (values.help === true) return 'help'
    const { config: file, out, journal, redact = [] } = values
    if (file === undefined || out === undefined) throw usage('Say --config FILE and --out FILE.')
    if (!out.endsWith(BUNDLE_EXTENSION)) throw usage(`A bundle's name ends in ${BUNDLE_EXTENSION}.`)
    if (!redact.every((name) => name === 'all' || isDigest(name))) throw usage('--redact takes a digest, or "all".')
    return { config: file, out, journal, choice: choiceOf(values), redact: new Set(redact) }
  } catch (thrown) {
    throw usage(toCountersignError(thrown, thrown instanceof Error ? thrown.message : undefined).message)
  }
}

/** One digest in 64 begins with "-", and would be read as an option. */
function spelledOut(argv: readonly string[]): string[] {
  const args: string[] = []
  for (let at = 0; at < argv.length; at++) {
    const [arg = '', value] = [argv[at], argv[at + 1]]
    const joined = value !== undefined && ['--session', '--context', '--redact'].includes(arg)
    args.push(joined ? `${arg}=${value}` : arg)
    if (joined) at++
  }
  return args
}

interface Chosen {
  readonly session?: string | undefined
  readonly context?: readonly string[] | undefined
  readonly from?: string | undefined
  readonly to?: string | undefined
}

function choiceOf({ session, context, from, to }: Chosen): Choice {
  const ways = [session, context, from ?? to].filter((way) => way !== undefined)
  if (ways.length > 1) throw usage('Choose by --session, by --context or by --from and --to, not by two of them.')
  if (session !== undefined) {
    if (!isDigest(session)) throw usage('--session takes a session id: 64 characters of base64url.')
    return { selection: { kind: 'session', sid: session } }
  }
  if (context !== undefined) {
    if (!context.every(isDigest)) throw usage('--context takes a digest: 64 characters of base64url.')
    return { selection: { kind: 'contexts' }, digests: new Set(context) }
  }
  if (from === undefined && to === undefined) return { selection: { kind: 'all' } }
  const times = { ...(from !== undefined && { from: instant(from) }), ...(to !== undefined && { to: instant(to) }) }
  return { selection: { kind: 'time', ...times } }
}

/** A date (its beginning in UTC), or an instant that says its zone: without one it would mean another time on every machine. */
function instant(text: string): number {
  const known = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text)
  const at = known ? Date.parse(text) : Number.NaN
  if (!Number.isSafeInteger(at) || at < 0)
    throw usage(`${printable(text, 40)} is no time: say 2026-11-29 or 2026-11-29T10:00Z.`)
  return at
}
