/** "no token", "1 token", "2 tokens". */
export function counted(count: number, what: string): string {
  return `${count === 0 ? 'no' : count} ${what}${count < 2 ? '' : 's'}`
}
