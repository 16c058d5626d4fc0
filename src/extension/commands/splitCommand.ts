/**
 * A command line as typed, split into its words: white space separates, single and double quotes hold together, a backslash
 * takes the next character as it is (not inside single quotes). Nothing is expanded: no shell will see it. Undefined where a
 * quote is not closed or nothing was typed.
 */
export function splitCommand(line: string): readonly [string, ...string[]] | undefined {
  const words: string[] = []
  let word: string | undefined
  let quote = ''
  for (let at = 0; at < line.length; at++) {
    const character = line[at] ?? ''
    if (quote !== "'" && character === '\\' && at + 1 < line.length) {
      word = (word ?? '') + (line[++at] ?? '')
    } else if (quote !== '') {
      if (character === quote) quote = ''
      else word = (word ?? '') + character
    } else if (character === '"' || character === "'") {
      quote = character
      word ??= ''
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else {
      word = (word ?? '') + character
    }
  }
  if (word !== undefined) words.push(word)
  const [command, ...args] = words
  return quote !== '' || command === undefined || command === '' ? undefined : [command, ...args]
}
