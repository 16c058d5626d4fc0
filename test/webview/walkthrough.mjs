// Draws the pictures of the walkthrough, from the same scenes as the screenshots: `node test/webview/walkthrough.mjs`. Those that are kept
// were then reduced to 64 colours (`pngquant --force --ext .png 64 media/walkthrough/*.png`): a third of the size.
import { fileURLToPath } from 'node:url'
import { SCENES } from './scenes.mjs'
import { openStage } from './stage.mjs'

const out = fileURLToPath(new URL('../../media/walkthrough', import.meta.url))
/** The picture of a step, and the scene that it shows. */
const PICTURES = { setup: 'first', sample: 'sessions', key: 'hsm', panel: 'contexts', evidence: 'bundle-holds' }

const stage = await openStage()
for (const [step, name] of Object.entries(PICTURES)) {
  const scene = SCENES.find((each) => each.name === name)
  if (scene === undefined) throw new Error(`There is no scene ${name}.`)
  for (const theme of /** @type {const} */ (['dark', 'light'])) {
    // Half of the scale of the screenshots: one pixel a point, so that the package stays small.
    const opened = await stage.open({ ...scene, theme, width: 600, height: 400, scale: 0.5 })
    await scene.act?.(opened)
    await opened.page.waitForTimeout(100)
    await opened.page.screenshot({ path: `${out}/${step}-${theme}.png` })
    await opened.close()
  }
}
await stage.close()
