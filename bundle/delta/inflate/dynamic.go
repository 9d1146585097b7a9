package inflate

// fixed unpacks a block with the codes that need not be told.
func (d *Decoder) fixed() error {
	l := &d.length
	for i := range maxLit {
		switch {
		case i < 144 || i >= 280:
			l[i] = 8
		case i < 256:
			l[i] = 9
		default:
			l[i] = 7
		}
	}
	for i := range maxDist {
		l[maxLit+i] = 5
	}
	return d.coded(l[:maxLit], l[maxLit:])
}

// dynamic unpacks a block that begins with its codes.
func (d *Decoder) dynamic() error {
	lits, dists, lens := int(d.take(5))+257, int(d.take(5))+1, int(d.take(4))+4
	if lits > 286 || dists > 30 {
		return errDamaged
	}
	var l [len(lenOrder)]uint8
	for _, i := range lenOrder[:lens] {
		d.refill()
		l[i] = uint8(d.take(3))
	}
	if !build(d.lens[:], lenBits, l[:], lenKinds[:]) || !d.lengths(d.length[:lits+dists]) || d.length[endBlock] == 0 {
		return errDamaged
	}
	return d.coded(d.length[:lits], d.length[lits:lits+dists])
}

// lengths reads code lengths, which are packed themselves.
func (d *Decoder) lengths(out []uint8) bool {
	for i := 0; i < len(out); {
		d.refill()
		e := d.lens[d.bits&(1<<lenBits-1)]
		if e&bad != 0 || d.overrun() {
			return false
		}
		d.take(e.used())
		n, length := 1, uint8(e.base())
		switch {
		case length == 16 && i > 0:
			n, length = 3+int(d.take(2)), out[i-1]
		case length == 16:
			return false
		case length == 17:
			n, length = 3+int(d.take(3)), 0
		case length == 18:
			n, length = 11+int(d.take(7)), 0
		}
		if n > len(out)-i {
			return false
		}
		for range n {
			out[i] = length
			i++
		}
	}
	return true
}

// coded unpacks a block of the codes whose lengths are known.
func (d *Decoder) coded(lits, dists []uint8) error {
	if !build(d.lit[:], litBits, lits, litKinds[:]) || !build(d.dist[:], distBits, dists, distKinds[:]) {
		return errDamaged
	}
	return d.block(d.source)
}
