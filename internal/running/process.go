package running

// number is a process's. On Linux what its methods tell comes from the kernel's own files, elsewhere
// from gopsutil, which at each start would read what the whole machine's processors did so far.
type number int32

// openFile is what a process has open under a number: a file, or such as pipe:[123].
type openFile struct {
	path string
	fd   uint64
}
