// Package testenv makes what a test inherits the same everywhere. Who imports it runs with the umask
// 022, as do the programs that it starts, and without the terminal that the tests were started
// from, on which a program would ask and wait; one that a test opens itself is another.
package testenv
