/** What is wrong with a typed confirmation; undefined: nothing. Exactly the name: not its case, not its first letters. */
export function confirmationProblem(typed: string, name: string, what: string): string | undefined {
  if (name === '') return 'There is no name to confirm with.'
  return typed === name
    ? undefined
    : `This is not ${name}: nothing is done. Close the box if you do not want to ${what}.`
}
