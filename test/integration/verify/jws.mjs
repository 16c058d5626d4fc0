// Run by Node 24: a batch's JWS exactly as a bundle has it, verified by jose with the JWK exactly as a bundle has it.
import { text } from 'node:stream/consumers'
import { flattenedVerify, importJWK } from 'jose'

const { jwk, jws } = JSON.parse(await text(process.stdin))
const { payload, protectedHeader } = await flattenedVerify(jws, await importJWK(jwk))
console.log(JSON.stringify({ protectedHeader, payload: JSON.parse(Buffer.from(payload).toString('utf8')) }))
