export const SUITES: readonly ['0.1.16', '0.2.0-alpha.12']
export type SuiteVersion = (typeof SUITES)[number]
export interface Conformance {
  readonly node: string
  readonly suites: Readonly<Record<SuiteVersion, string>>
  readonly packages: string
}
export function conformance(options?: { report?: (text: string) => void }): Promise<Conformance>
