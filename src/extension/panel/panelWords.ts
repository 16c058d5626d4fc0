import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What the panel says in this language, as JSON; nothing where nobody translated it: the panel is in English then. */
export async function panelWords(folder: string, language: string): Promise<string> {
  if (!/^[a-z]{2,3}(-[a-z0-9]{2,8})?$/i.test(language)) return '{}'
  return await readFile(join(folder, `panel.${language.toLowerCase()}.json`), 'utf8').catch(() => '{}')
}
