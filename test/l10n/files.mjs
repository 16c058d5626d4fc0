// The translations beside the source: what is missing in them, what nobody uses any more, and whose placeholders differ.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { findKeys } from './keys.mjs'

/**
 * @typedef {{ file: string, missing: string[], unused: string[], differing: string[] }} Compared
 * @param {string} root
 * @returns {Compared[]} one for each file of translations
 */
export function compareAll(root) {
  const { host, panel } = findKeys(root)
  const bundles = readdirSync(join(root, 'media/l10n')).map((name) => `media/l10n/${name}`)
  const english = read(root, 'package.nls.json')
  const titles = readdirSync(root).filter((name) => /^package\.nls\..+\.json$/.test(name))
  return [
    ...bundles.map((file) => {
      const wanted = new Set((file.includes('/panel.') ? panel : host).map(({ key }) => key))
      return compare(file, new Map([...wanted].map((key) => [key, key])), read(root, file))
    }),
    ...titles.map((file) => compare(file, new Map(Object.entries(english)), read(root, file))),
  ]
}

/** @param {string} root @param {string} file @returns {Record<string, string>} */
export function read(root, file) {
  return JSON.parse(readFileSync(join(root, file), 'utf8'))
}

/** @param {string} file @param {Map<string, string>} wanted English by key @param {Record<string, string>} translated */
function compare(file, wanted, translated) {
  const keys = Object.keys(translated)
  return {
    file,
    missing: [...wanted.keys()].filter((key) => !(translated[key] ?? '').trim()),
    unused: keys.filter((key) => !wanted.has(key)),
    differing: keys.filter((key) => holes(wanted.get(key) ?? '') !== holes(translated[key] ?? '')),
  }
}

/** Placeholders, icons, links to commands, code: what means the same in every language, in any order. */
function holes(text) {
  return [...new Set(text.match(/\{\d\}|\$\([a-z-]+\)|\(command:[^)]+\)|`[^`]+`/g) ?? [])]
    .toSorted((a, b) => (a < b ? -1 : 1))
    .join(' ')
}
