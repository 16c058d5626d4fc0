import type { Holds } from '../../contracts/keyProcess.ts'
import { VENDOR_ENVIRONMENT } from './profiles.ts'

/**
 * Names that every key process inherits. Absent on purpose: NODE_OPTIONS and LD_PRELOAD, which load code into the process
 * that holds the keys, and whatever tokens and passwords an editor's or a gateway's environment carries.
 */
export const BASE_ENVIRONMENT: readonly string[] = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'LANG',
  'LC_*',
  'TZ',
  'TMPDIR',
  'TEMP',
  'TMP',
  'SystemRoot',
  'SystemDrive',
  'windir',
  'ProgramFiles',
  'ProgramData',
  'USERPROFILE',
  'APPDATA',
  'LOCALAPPDATA',
]

/**
 * The environment of a key process: names of the two lists, those that a person gave for this module, and no others; a
 * trailing `*` stands for any ending.
 */
export function keyProcessEnvironment(
  holds: Holds,
  from: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const further = holds.kind === 'module' ? [...VENDOR_ENVIRONMENT, ...(holds.environment ?? [])] : []
  const names = [...BASE_ENVIRONMENT, ...further]
  const kept: Record<string, string> = {}
  for (const [name, value] of Object.entries(from)) {
    if (value !== undefined && names.some((pattern) => matches(name, pattern))) kept[name] = value
  }
  // Each signature takes a thread of libuv's pool, which has four: more lanes would wait for each other there.
  if (holds.kind === 'module' && (holds.lanes ?? 0) > 4) kept['UV_THREADPOOL_SIZE'] = String(holds.lanes)
  // Electron's executable is a browser unless told otherwise.
  if ('electron' in process.versions) kept['ELECTRON_RUN_AS_NODE'] = '1'
  return kept
}

function matches(name: string, pattern: string): boolean {
  // Windows keeps one variable whatever the case of its name: "Path" is PATH there.
  const [given, wanted] = process.platform === 'win32' ? [name.toLowerCase(), pattern.toLowerCase()] : [name, pattern]
  return wanted.endsWith('*') ? given.startsWith(wanted.slice(0, -1)) : given === wanted
}
