import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readModule } from '../../../src/keys/hsm/inventory.ts'
import { openTokenSigner } from '../../../src/keys/hsm/signer.ts'
import type { KeyProcess } from '../../../src/keys/hsm/supervisor.ts'
import { node24 } from '../../setup/node24.mjs'
import { buildKeyProcess } from './bundle.ts'
import { FIRST_SO_PIN, PIN, Stand, whyNoOpenCryptoki } from './openCryptokiStand.ts'
import { batch, bytes, expectSigns, gone, handshake, isAlive } from './support.ts'

const reason = await whyNoOpenCryptoki()
const where = { slot: 1 }

async function initialised(stand: Stand): Promise<KeyProcess> {
  const keyProcess = stand.keyProcess()
  await keyProcess.call('initToken', { slot: 1, label: 'desk', soPin: bytes(FIRST_SO_PIN), pin: bytes(PIN) })
  await keyProcess.login(where, bytes(PIN))
  return keyProcess
}

describe.skipIf(reason !== undefined)(`openCryptoki without its daemon${reason ? ` skipped: ${reason}` : ''}`, () => {
  let stand: Stand
  beforeAll(async () => {
    stand = await Stand.start('openCryptokiDaemon')
  })
  afterAll(() => stand.stop())

  it('a client that runs goes on; a new one is told what to do, and works when the daemon is back', async () => {
    const keyProcess = await initialised(stand)
    const signer = await openTokenSigner({ keyProcess, where, label: 'k', create: 'ML-DSA-87', log: stand.log })
    const { pid } = keyProcess
    const signing = Promise.all(Array.from({ length: 24 }, () => expectSigns(signer, batch(2))))
    await stand.daemon.killDaemon()
    await signing
    await expectSigns(signer, handshake())
    expect(keyProcess.pid).toBe(pid)

    const other = stand.keyProcess()
    await expect(readModule(other)).rejects.toMatchObject({
      code: 'module-load',
      message: expect.stringMatching(/C_Initialize returned CKR_FUNCTION_FAILED \(0x6\)\. .*systemctl start pkcsslotd/),
    })
    await stand.daemon.startDaemon()
    await other.login(where, bytes(PIN))
    const second = await openTokenSigner({ keyProcess: other, where, label: 'k', log: stand.log })
    expect(second.kid).toBe(signer.kid)
    await expectSigns(second, batch(2))
    await expectSigns(signer, batch(2))
  })

  it('a key process that is killed loses nothing but its login', async () => {
    const keyProcess = await stand.unlocked(where)
    const signer = await openTokenSigner({ keyProcess, where, label: 'k', log: stand.log })
    const pid = keyProcess.pid ?? 0
    process.kill(pid, 'SIGKILL')
    expect(await gone(pid)).toBe(true)
    await expect(signer.sign(handshake())).rejects.toThrow()
    await expect(signer.sign(handshake())).rejects.toMatchObject({ code: 'pin-needed' })
    await keyProcess.login(where, bytes(PIN))
    await expectSigns(signer, handshake())
  })

  it('leaves no process and no mount behind when the tests are killed', async () => {
    const setup = new URL('../../setup/openCryptoki.mjs', import.meta.url).href
    const script = `import { startOpenCryptoki } from ${JSON.stringify(setup)}
      const { pid } = await startOpenCryptoki({ keyProcess: ${JSON.stringify(await buildKeyProcess('killed'))} })
      console.log(pid)
      setInterval(() => {}, 1000)`
    const tests = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line]: unknown[] = await once(tests.stdout, 'data')
    const first = Number(String(line))
    expect(isAlive(first)).toBe(true)
    tests.kill('SIGKILL')
    // Process 1 of its namespaces: the kernel ends all others with it, and the mounts with the last of them.
    expect(await gone(first, 20_000)).toBe(true)
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain('openCryptoki')
  })
})

const newer = await node24().catch((thrown: unknown) => String(thrown))
const whyNot = reason ?? (typeof newer === 'string' ? newer : undefined)
describe.skipIf(whyNot !== undefined)(`openCryptoki in Node 24${whyNot ? ` skipped: ${whyNot}` : ''}`, () => {
  let stand: Stand
  beforeAll(async () => {
    stand = await Stand.start('openCryptoki24', typeof newer === 'string' ? undefined : newer.node)
  })
  afterAll(() => stand.stop())

  it('signs as well: a Node whose OpenSSL is as new as the module’s changes nothing', async () => {
    expect(await stand.raw('return process.versions.node.split(".")[0]', null)).toBe('24')
    const keyProcess = await initialised(stand)
    const signer = await openTokenSigner({ keyProcess, where, label: 'k', create: 'ML-DSA-87', log: stand.log })
    await expectSigns(signer, batch(2))
  })
})
