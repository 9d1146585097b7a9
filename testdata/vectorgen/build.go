package vectorgen

import (
	"bytes"

	"packlift/bundle"
	"packlift/bundle/tarball"
	"packlift/internal/manifest"
	"packlift/verify"
)

var partInfo = map[string]func(*bundle.Info) *bundle.PartInfo{
	bundle.ToolsName:   func(i *bundle.Info) *bundle.PartInfo { return &i.Parts.Tools },
	bundle.LevelsName:  func(i *bundle.Info) *bundle.PartInfo { return &i.Parts.Levels },
	bundle.PayloadName: func(i *bundle.Info) *bundle.PartInfo { return &i.Parts.Payload },
}

// part makes one encrypted part and fills in what the bundle states of it.
func (r *recipe) part(name string, p *bundle.Pieces) []byte {
	plain := r.g.tarOf(r.parts[name])
	if edit := r.tar[name]; edit != nil {
		plain = edit(plain)
	}
	pack := r.pack[name]
	if pack == nil {
		pack = func(b []byte) ([]byte, []bundle.Stream) { return r.g.streams(b) }
	}
	xz, streams := pack(plain)
	stored := r.g.encrypt(xz, r.recipients)
	if edit := r.age[name]; edit != nil {
		stored = edit(stored)
	}
	digest := manifest.Sum(stored)
	*p.Part(name) = bundle.PartPieces{SHA256: []manifest.Digest{digest}, Streams: streams}
	*partInfo[name](&r.info) = bundle.PartInfo{Stored: bundle.Blob{Size: int64(len(stored)), SHA256: digest},
		Plain: bundle.Blob{Size: int64(len(plain)), SHA256: manifest.Sum(plain)}}
	return stored
}

// build makes the bundle's bytes.
func (r *recipe) build() []byte {
	p := &bundle.Pieces{PieceSize: bundle.PieceSize}
	bodies := map[string][]byte{}
	for _, name := range bundle.PartNames {
		bodies[name] = r.part(name, p)
	}
	r.info.Recipients = len(r.recipients)
	bodies[bundle.ManifestName] = r.manifest()
	bodies[bundle.PiecesName] = r.pieceList(p)
	bodies[bundle.SumsName] = r.sumsOf(bodies)
	names := []string{bundle.ManifestName, bundle.SumsName, bundle.ToolsName, bundle.LevelsName, bundle.PayloadName, bundle.PiecesName}
	sigs := r.g.sign(verify.NamespaceBundle, bodies[bundle.SumsName], r.signers...)
	if r.sigs != nil {
		sigs = r.sigs(sigs)
	}
	for n, sig := range sigs {
		names = append(names, bundle.SignatureName(n+1))
		bodies[bundle.SignatureName(n+1)] = sig
	}
	var members []member
	for _, name := range names {
		members = append(members, r.g.member(name, bodies[name]))
	}
	if r.outer != nil {
		members = r.outer(members)
	}
	return join(members)
}

func (g *generator) member(name string, body []byte) member {
	h, err := tarball.Header(name, int64(len(body)))
	g.must(err)
	return member{name, h, body, make([]byte, tarball.Padding(int64(len(body))))}
}

func join(members []member) []byte {
	var b bytes.Buffer
	for _, m := range members {
		b.Write(m.header[:])
		b.Write(m.body)
		b.Write(m.pad)
	}
	b.Write(make([]byte, tarball.Trailer))
	return b.Bytes()
}

func (r *recipe) manifest() []byte {
	if r.lie != nil {
		r.lie(&r.info)
	}
	if r.info.ID == "" {
		id, err := r.info.DeriveID()
		r.g.must(err)
		r.info.ID = id
	}
	b, err := r.info.Marshal(0)
	r.g.must(err)
	if r.infoBytes != nil {
		b = r.infoBytes(b)
	}
	return b
}

func (r *recipe) pieceList(p *bundle.Pieces) []byte {
	if r.pieces != nil {
		r.pieces(p)
	}
	b, err := p.Marshal()
	r.g.must(err)
	if r.pieceText != nil {
		b = r.pieceText(b)
	}
	return b
}

func (r *recipe) sumsOf(bodies map[string][]byte) []byte {
	sums := map[string]manifest.Digest{}
	for name, b := range bodies {
		sums[name] = manifest.Sum(b)
	}
	if r.sums != nil {
		r.sums(sums)
	}
	b := bundle.MarshalSums([]string{bundle.ManifestName, bundle.ToolsName, bundle.LevelsName, bundle.PayloadName, bundle.PiecesName}, sums)
	if r.sumsBytes != nil {
		b = r.sumsBytes(b)
	}
	return b
}
