import { runVerify } from '../../../src/cli/verify.ts'

/** `countersign verify` once, in a process that has done nothing before: prints {"code":…,"seconds":…,"cpu":…}. */
const [trust = '', file = ''] = process.argv.slice(2)
const before = process.cpuUsage()
const started = performance.now()
const code = await runVerify(['--trust', trust, file], { stdout: () => {}, stderr: () => {} })
const seconds = (performance.now() - started) / 1000
const { user, system } = process.cpuUsage(before)
process.stdout.write(JSON.stringify({ code, seconds, cpu: (user + system) / 1e6 }))
