/// <reference types="svelte" />
/// <reference types="vite/client" />

/** True in the page that the Tauri shell carries, false in the one that guests load. */
declare const __SNUG_DESKTOP__: boolean;

/** The version of this build, as `package.json` says it. */
declare const __SNUG_VERSION__: string;
