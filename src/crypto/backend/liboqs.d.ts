/**
 * The four generated files of @oqs/liboqs-js that we use. Its package exports hide them behind an index that imports by a
 * computed path, which no bundler can follow, and that does not wipe what it copies.
 */
declare module '*/liboqs-js/dist/ml-dsa-65.min.js' {
  const load: import('./wasmModule.ts').LoadModule
  export default load
}
declare module '*/liboqs-js/dist/ml-dsa-87.min.js' {
  const load: import('./wasmModule.ts').LoadModule
  export default load
}
declare module '*/liboqs-js/dist/ml-kem-768.min.js' {
  const load: import('./wasmModule.ts').LoadModule
  export default load
}
declare module '*/liboqs-js/dist/ml-kem-1024.min.js' {
  const load: import('./wasmModule.ts').LoadModule
  export default load
}
