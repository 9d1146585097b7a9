package cli

import "os"

// Windows has no SIGPIPE; Notify without signals would mean all of them, so one that never comes stands here.
var brokenPipe = []os.Signal{os.Kill}
