// The build for browsers, which has no types of its own.
declare module "simple-peer/simplepeer.min.js" {
  export { default } from "simple-peer";
}
