/**
 * Import this first in a module worker that is given to `RTCRtpScriptTransform`, where it was made before `install()`
 * or from a `blob:` address. Other workers need nothing: `install()` sees to them.
 */
import { installScope } from "./surface/transform-scope";

installScope();
