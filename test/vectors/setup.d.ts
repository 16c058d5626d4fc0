declare module '*/setup/node24.mjs' {
  export function node24(): Promise<{ node: string; home: string }>
}
