package export

import (
	"context"
	"io"
	"time"

	"filippo.io/age"

	"packlift/internal/depot"
	"packlift/internal/keys"
	"packlift/internal/rootfs"
	"packlift/verify"
)

// Private is a bundle for a pack on this machine, verified. Its keys are made
// for it alone and kept nowhere: what it holds is trusted because the depot's
// index, which states all of it, was.
type Private struct {
	Bundle   *verify.Bundle
	Identity age.Identity
	remove   func()
}

// Close removes the bundle.
func (p *Private) Close() { p.remove() }

// ForPack makes the bundle that leads from one level of a depot to another; from
// NoStart the whole product. What the pack's own files hold is not fetched.
func ForPack(ctx context.Context, v *depot.View, held *rootfs.Root, channel string, from, to int, jobs int, progress Progress) (*Private, error) {
	secret, _, err := keys.GenerateSigner("packlift-export")
	if err != nil {
		return nil, err
	}
	signer, err := keys.LoadSigner("packlift-export", secret, keys.SignerOptions{})
	if err != nil {
		return nil, err
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	file, remove, err := rootfs.SpoolFile()
	if err != nil {
		return nil, err
	}
	b, err := writePrivate(ctx, file, CreateOptions{
		View: v, Held: held, Product: v.Index.Product, Version: v.Index.Version, Start: from, End: to, Channel: channel, NoTools: true,
		Recipients: []age.Recipient{id.Recipient()}, Signers: []keys.Signer{signer}, Jobs: jobs, Output: "-", Stdout: file, Progress: progress,
	})
	if err != nil {
		remove()
		return nil, err
	}
	return &Private{b, id, remove}, nil
}

func writePrivate(ctx context.Context, file io.ReaderAt, o CreateOptions) (*verify.Bundle, error) {
	made, err := CreateUpdate(ctx, o)
	if err != nil {
		return nil, err
	}
	trust, err := ownTrust(o.Signers)
	if err != nil {
		return nil, err
	}
	b, _, err := verify.Open(ctx, file, made.Size, verify.Options{Trust: trust, Now: time.Now(), Jobs: o.Jobs})
	return b, err
}
