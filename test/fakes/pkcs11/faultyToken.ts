import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { initNssToken, type NssToken, whyNoNss } from '../../integration/keys/nssToken.ts'
import { findInPath, run } from '../../setup/run.mjs'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const SOURCE = fileURLToPath(new URL('module.c', import.meta.url))
const HEADERS = path.join(ROOT, 'node_modules/pkcs11js/includes')

/** Functions of the module at which a fault can be placed. */
type At = 'C_Initialize' | 'C_GetSlotList' | 'C_GetTokenInfo' | 'C_OpenSession' | 'C_Login' | 'C_SignInit' | 'C_Sign'
/** See module.c. */
type What = 'crash' | 'hang' | 'answer' | 'slow' | 'length' | 'bytes'

interface Fault {
  readonly at: At
  readonly what: What
  readonly number?: number
  /** How often in all, also over restarts of the process; without it always. */
  readonly times?: number
}

interface Claims {
  readonly local: boolean
  readonly neverExtractable: boolean
}

export interface FaultyToken extends NssToken {
  readonly faults: Faults
}

/** What module.c reads: what goes wrong from now on. */
export class Faults {
  private readonly file: string
  private readonly placed: string[] = []
  private claimed: readonly string[] = []
  private states = new Set<string>()
  private keypad: string | undefined
  private sessions = 0
  private logins = 0
  private names = 0

  constructor(file: string) {
    this.file = file
    this.write()
  }

  /** The token claims to be hardware, and its keys to be made inside and never to have been extractable. */
  claimHardware(claims: Claims = { local: true, neverExtractable: true }): void {
    this.states.add('hardware')
    this.claimed = [`attribute 163 ${Number(claims.local)}`, `attribute 164 ${Number(claims.neverExtractable)}`]
    this.write()
  }

  /** Out of its slot: its sessions and its login are gone, also when it comes back. */
  remove(): void {
    this.states.add('absent')
    this.sessions += 1
    this.logins += 1
    this.write()
  }

  putBack(): void {
    this.states.delete('absent')
    this.write()
  }

  /** As after a restart of the vendor's daemon that kept the login. */
  endSessions(): void {
    this.sessions += 1
    this.write()
  }

  endLogin(): void {
    this.logins += 1
    this.write()
  }

  /** Somebody else gave wrong PINs until the token had enough. */
  lockPin(locked = true): void {
    if (locked) this.states.add('locked')
    else this.states.delete('locked')
    this.write()
  }

  /** It has a keypad of its own, at which somebody types this PIN (without spaces). */
  typeAtKeypad(pin: string): void {
    this.keypad = pin
    this.write()
  }

  lastTry(): void {
    this.states.add('last-try')
    this.write()
  }

  place({ at, what, number = 0, times = 0 }: Fault): void {
    this.names += 1
    this.placed.push(`fault ${at} ${what} ${number} ${times} fault${this.names}`)
    this.write()
  }

  /** Nothing goes wrong any more; what the token claims stays. */
  heal(): void {
    this.placed.length = 0
    this.states = new Set(Array.from(this.states).filter((state) => state === 'hardware'))
    this.write()
  }

  /** Calls so far, in order: "C_SignInit"; "C_Sign 2" is one beside another. */
  calls(): string[] {
    return existsSync(`${this.file}.log`) ? readFileSync(`${this.file}.log`, 'utf8').trimEnd().split('\n') : []
  }

  count(at: string): number {
    return this.calls().filter((line) => line.split(' ')[0] === at).length
  }

  /** By rename: a call that reads it meanwhile sees the old state or the new one. */
  private write(): void {
    const counters = [`sessions ${this.sessions}`, `logins ${this.logins}`]
    const keypad = this.keypad === undefined ? [] : [`keypad ${this.keypad}`]
    const lines = [...this.states, ...keypad, ...this.claimed, ...counters, ...this.placed]
    writeFileSync(`${this.file}.new`, `${lines.join('\n')}\n`)
    renameSync(`${this.file}.new`, this.file)
  }
}

/** Why there can be no such token here, or undefined. Tests skip with this reason. */
export async function whyNoFaultyToken(): Promise<string | undefined> {
  if (process.platform === 'win32') return 'the module for faults is written for POSIX'
  if (compiler() === undefined) return 'there is no C compiler'
  if (!existsSync(HEADERS)) return 'pkcs11js is not installed'
  return await whyNoNss()
}

/** A fresh NSS token in `folder` with this user PIN, inside the module that can go wrong. */
export async function initFaultyToken(folder: string, { pin }: { pin: string }): Promise<FaultyToken> {
  const [module, real] = [await build(), await initNssToken(path.join(folder, 'nss'), { pin })]
  const control = path.join(folder, 'control')
  const libraryParameters = `control=${control};inner=${real.module};${real.libraryParameters}`
  return { ...real, module, libraryParameters, faults: new Faults(control) }
}

function compiler(): string | undefined {
  return findInPath('cc', 'gcc', 'clang')
}

/** Named by its source: test files that run at the same time share one build, and none ever uses an old one. */
async function build(): Promise<string> {
  const name = createHash('sha256').update(readFileSync(SOURCE)).digest('hex').slice(0, 16)
  const folder = path.join(ROOT, 'test/output/pkcs11')
  const built = path.join(folder, `${name}.so`)
  if (existsSync(built)) return built
  mkdirSync(folder, { recursive: true })
  const temporary = `${built}.${process.pid}`
  const flags = ['-std=c11', '-Wall', '-Wextra', '-Werror', '-O1', '-shared', '-fPIC', '-I', HEADERS]
  try {
    await run(compiler() ?? 'cc', [...flags, '-o', temporary, SOURCE, '-ldl', '-lpthread'])
    renameSync(temporary, built)
  } finally {
    rmSync(temporary, { force: true })
  }
  return built
}
