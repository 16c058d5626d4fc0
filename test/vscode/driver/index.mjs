// @ts-check
export { askAgent, lastAnswer } from './agent.mjs'
export { whyNoEditor } from './available.mjs'
export { openBrowser } from './browser.mjs'
export { startCodeServer } from './codeServer.mjs'
export { findDesktopCode, hasScreen, startDesktopCode } from './desktopCode.mjs'
export { panel } from './panel.mjs'
export {
  modalDialog,
  notifications,
  openWorkbench,
  quickInput,
  runCommand,
  screenshot,
  setTheme,
  webviewFrame,
} from './workbench.mjs'
