package deflate

// Sizes of the alphabets (RFC 1951, 3.2).
const (
	lengthCodes = 29
	literals    = 256
	litCodes    = literals + 1 + lengthCodes
	distCodes   = 30
	lenCodes    = 19
	heapSize    = 2*litCodes + 1
	maxBits     = 15
	maxLenBits  = 7
	endBlock    = 256
	repeat3     = 16 // repeat the length before 3 to 6 times
	zeros3      = 17 // 3 to 10 zeros
	zeros11     = 18 // 11 to 138 zeros
)

var (
	extraLength = [lengthCodes]uint8{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	extraDist   = [distCodes]uint8{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
	extraLen    = [lenCodes]uint8{repeat3: 2, zeros3: 3, zeros11: 7}
	lenOrder    = [lenCodes]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

	baseLength [lengthCodes]uint16
	baseDist   [distCodes]uint16
	lengthCode [256]uint8
	distCode   [512]uint8 // of distances to 256, then of 128ths

	staticLit  = make([]code, litCodes+2)
	staticDist = make([]code, distCodes)
)

func init() {
	length := 0
	for c := range lengthCodes - 1 {
		baseLength[c] = uint16(length)
		for range 1 << extraLength[c] {
			lengthCode[length] = uint8(c)
			length++
		}
	}
	lengthCode[255], baseLength[lengthCodes-1] = lengthCodes-1, 255
	dist := 0
	for c := range 16 {
		baseDist[c] = uint16(dist)
		for range 1 << extraDist[c] {
			distCode[dist] = uint8(c)
			dist++
		}
	}
	dist >>= 7
	for c := 16; c < distCodes; c++ {
		baseDist[c] = uint16(dist << 7)
		for range 1 << (extraDist[c] - 7) {
			distCode[256+dist] = uint8(c)
			dist++
		}
	}
	staticCodes()
}

func staticCodes() {
	var count [maxBits + 1]uint16
	for n := range staticLit {
		bits := uint8(8)
		switch {
		case n >= 144 && n < 256:
			bits = 9
		case n >= 256 && n < 280:
			bits = 7
		}
		staticLit[n].len = bits
		count[bits]++
	}
	assignCodes(staticLit, &count)
	for n := range staticDist {
		staticDist[n] = code{bits: reverse(uint16(n), 5), len: 5}
	}
}

// distCodeOf is the code of a distance less one.
func distCodeOf(d uint16) uint8 {
	if d < 256 {
		return distCode[d]
	}
	return distCode[256+d>>7]
}
