// What a test's harness tells this runner: one object on the window when all is done.
/* global add_completion_callback, setup */
{
  const SUBTEST = ["PASS", "FAIL", "TIMEOUT", "NOTRUN", "PRECONDITION_FAILED"];
  const HARNESS = ["OK", "ERROR", "TIMEOUT", "PRECONDITION_FAILED"];
  setup({ output: false });
  add_completion_callback((tests, { status, message }) => {
    window.conformance = {
      status: HARNESS[status],
      message: message ?? null,
      tests: tests.map((test) => ({
        name: test.name,
        status: SUBTEST[test.status],
        message: test.message ?? null,
      })),
    };
  });
}
