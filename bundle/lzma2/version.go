package lzma2

// Version is raised with every change of what an Encoder makes of the same
// bytes: what was packed before must not be taken for what would be packed now.
const Version = 1
