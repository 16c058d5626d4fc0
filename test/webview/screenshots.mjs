// Pictures of every view and state in the four themes, and of the main ones narrow, zoomed and in German, into test/output/screenshots.
// `npm run screenshots [-- NAME…]`: those whose name has one of these in it.
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SCENES } from './scenes.mjs'
import { openStage, THEMES } from './stage.mjs'

const out = fileURLToPath(new URL('../output/screenshots', import.meta.url))
const only = process.argv.slice(2)
const MAIN = new Set(['sessions', 'contexts', 'hsm', 'trial'])
const SIZES = [
  { suffix: '-1000', width: 1000 },
  { suffix: '-400', width: 400, height: 1000 },
  { suffix: '-zoomed', width: 1200, scale: 2 },
  { suffix: '-german', language: 'de' },
  { suffix: '-german-400', language: 'de', width: 400, height: 1000 },
]

const pictures = SCENES.flatMap((scene) => [
  ...THEMES.map((theme) => ({ ...scene, name: `${scene.name}-${theme}`, theme })),
  ...(MAIN.has(scene.name) ? SIZES : []).map(({ suffix, ...size }) => ({
    ...scene,
    ...size,
    name: `${scene.name}${suffix}`,
  })),
]).filter(({ name }) => only.length === 0 || only.some((part) => name.includes(part)))

if (only.length === 0) await rm(out, { recursive: true, force: true })
await mkdir(out, { recursive: true })
const stage = await openStage()
for (const { name, act, ...options } of pictures) {
  const opened = await stage.open(options)
  try {
    await act?.(opened)
    await opened.page.waitForTimeout(100)
    await opened.page.screenshot({ path: join(out, `${name}.png`) })
  } catch (error) {
    stage.problems.push(`${name}: ${error instanceof Error ? error.message : String(error)}`)
  }
  await opened.close()
}
await stage.close()
for (const problem of stage.problems) process.stderr.write(`${problem}\n`)
process.stdout.write(`${pictures.length} pictures in ${out}\n`)
process.exitCode = stage.problems.length === 0 ? 0 : 1
