// The few wishes of tests that a runner has to fulfil: devices are allowed here already.
window.test_driver_internal ??= {};
Object.assign(window.test_driver_internal, {
  in_automation: true,
  set_permission: () => Promise.resolve(),
  click: () => Promise.resolve(),
});
