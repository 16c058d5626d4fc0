export interface OpenCryptoki {
  /** Path of the PKCS#11 module, in the root that the key process runs in. */
  readonly module: string
  /** What a supervisor forks in place of the bundle. */
  readonly keyProcessPath: string
  /** Process 1 of its namespaces, by the number that it has outside. */
  readonly pid: number
  killDaemon(): Promise<void>
  startDaemon(): Promise<void>
  /** Runs a CommonJS script beside the daemon, with `input` as JSON in process.argv[1]; resolves to what it prints. */
  script(source: string, input: unknown): Promise<string>
  /** Ends the daemon and every key process, and unmounts everything. */
  stop(): Promise<void>
}
export function openCryptoki(options?: { report?: (text: string) => void }): Promise<{ root: string; module: string }>
export function startOpenCryptoki(what: { keyProcess: string; node?: string }): Promise<OpenCryptoki>
