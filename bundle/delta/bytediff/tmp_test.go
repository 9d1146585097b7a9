package bytediff
import ("testing";"os";"time";"encoding/binary";"path/filepath")
func TestTmp(t *testing.T) {
	o,_ := os.ReadFile(os.Getenv("OLD")); n,_ := os.ReadFile(os.Getenv("NEW"))
	s := time.Now()
	m := matcher{new:n, index: newIndex(o, index{})}
	t.Log("sort", time.Since(s))
	var ops []Op
	m.emit = func(op Op){ ops = append(ops, op) }
	s = time.Now()
	m.match()
	t.Log("match", time.Since(s), len(ops))
	var ctl, diff, extra, zeros, lits []byte
	np, op := 0,0
	run := 0; 
	for _, x := range ops {
		ctl = binary.AppendUvarint(ctl, uint64(x.Copy)); ctl = binary.AppendUvarint(ctl, uint64(x.Insert)); ctl = binary.AppendVarint(ctl, x.Seek)
		for i := range int(x.Copy) { d := n[np+i]-o[op+i]; diff = append(diff, d)
			if d == 0 { if run<0 { zeros = binary.AppendUvarint(zeros, uint64(-run)); run=0 }; run++ } else { if run>0 {zeros = binary.AppendUvarint(zeros, uint64(run)); run=0}; run--; lits = append(lits, d) }
		}
		np += int(x.Copy); op += int(x.Copy+x.Seek)
		extra = append(extra, n[np:np+int(x.Insert)]...); np += int(x.Insert)
	}
	if np != len(n) { t.Fatal(np) }
	d := os.Getenv("OUT"); os.MkdirAll(d, 0755)
	for k, v := range map[string][]byte{"ctl":ctl,"diff":diff,"extra":extra,"zeros":zeros,"lits":lits} { os.WriteFile(filepath.Join(d,k), v, 0644) }
	t.Log(len(ctl),len(diff),len(extra),len(zeros),len(lits))
}
