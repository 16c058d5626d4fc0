// @ts-check
import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import path from 'node:path'

const KEPT = 8_000

/**
 * Runs a program to its end. Fails with the end of what it printed, because that is where a tool says why.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, input?: string, timeout?: number }} [options]
 * @returns {Promise<string>} its standard output
 */
export function run(command, args, { cwd, env, input, timeout } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: env ?? process.env,
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      ...(timeout === undefined ? {} : { timeout }),
    })
    let out = ''
    let tail = ''
    child.stdout?.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
      out += text
      tail = (tail + text).slice(-KEPT)
    })
    child.stderr?.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
      tail = (tail + text).slice(-KEPT)
    })
    child.stdin?.end(input)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0) resolve(out)
      else reject(new Error(`${command} ${args.join(' ')} ended with ${signal ?? code}:\n${tail.trim()}`))
    })
  })
}

/**
 * The first of these programs that PATH has.
 *
 * @param {...string} names
 * @returns {string | undefined}
 */
export function findInPath(...names) {
  const extensions = process.platform === 'win32' ? ['.exe', '.cmd', ''] : ['']
  for (const name of names) {
    for (const folder of (process.env['PATH'] ?? '').split(path.delimiter)) {
      for (const extension of extensions) {
        const file = path.join(folder, name + extension)
        if (folder !== '' && isExecutable(file)) return file
      }
    }
  }
  return undefined
}

/** @param {string} file */
function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/**
 * npm, also where `npm` is a script that only a shell could start.
 *
 * @param {readonly string[]} args
 * @param {NonNullable<Parameters<typeof run>[2]> & { node?: string }} [options] `node` runs npm and what it builds
 */
export function npm(args, { node = process.execPath, ...rest } = {}) {
  const env = withoutOuterNpm(rest.env ?? process.env)
  const options = { ...rest, env: { ...env, PATH: `${path.dirname(node)}${path.delimiter}${env['PATH'] ?? ''}` } }
  const own = process.env['npm_execpath']
  if (own?.endsWith('npm-cli.js')) return run(node, [own, ...args], options)
  const found = findInPath('npm')
  if (found === undefined) throw new Error('npm is not in PATH. Install Node.js 20 or newer together with npm.')
  return found.endsWith('.cmd')
    ? run(process.env['ComSpec'] ?? 'cmd.exe', ['/c', found, ...args], options)
    : run(found, args, options)
}

/**
 * Under `npm run` the environment says which Node and which project that npm is about, and a package's install script would
 * believe it: code-server's refuses to be built when it reads the version of another Node there.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {NodeJS.ProcessEnv}
 */
function withoutOuterNpm(env) {
  const outer =
    /^(NODE|INIT_CWD|npm_(command|execpath|node_execpath|lifecycle_.*|package_.*|config_(user_agent|(local|global)_prefix)))$/
  return Object.fromEntries(Object.entries(env).filter(([name]) => !outer.test(name)))
}
