import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

/** What editor.mjs says when both editors are idle. CPU milliseconds. */
export interface Editors {
  readonly activations: readonly { readonly load: number; readonly activate: number }[]
  readonly hosts: { readonly with: number; readonly without: number }
  /** Milliseconds in which code of the extension ran while `during` went on. */
  ownMs(during: Promise<unknown>): Promise<number>
  stop(): Promise<void>
}

/** @throws where there is no editor or no browser on this machine */
export async function startEditors(root: string, vsix: string): Promise<Editors> {
  const child = spawn(process.execPath, [`${root}test/bench/idle/editor.mjs`, vsix], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  child.stderr.pipe(process.stderr)
  const gone = once(child, 'exit')
  const [line]: unknown[] = await Promise.race([
    once(createInterface(child.stdout), 'line'),
    gone.then(([code]) => {
      throw new Error(`no editor came up (exit ${String(code)})`)
    }),
  ])
  const said: Pick<Editors, 'activations' | 'hosts'> & { probe: string } = JSON.parse(String(line))
  const { activations, hosts, probe } = said
  return {
    activations,
    hosts,
    async ownMs(during) {
      process.kill(hosts.with, 'SIGUSR2')
      await during
      process.kill(hosts.with, 'SIGUSR2')
      for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(100)) {
        const text = await readFile(`${probe}/idle.json`, 'utf8').catch(() => '')
        if (text !== '') return Number(JSON.parse(text))
      }
      throw new Error('the extension host wrote no profile')
    },
    async stop() {
      child.stdin.end()
      await gone
    },
  }
}
