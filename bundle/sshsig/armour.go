package sshsig

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
)

// ssh-keygen breaks base64 at 70 characters (sshbuf_dtob64), though
// PROTOCOL.sshsig lets a writer choose.
const (
	begin     = "-----BEGIN SSH SIGNATURE-----\n"
	end       = "-----END SSH SIGNATURE-----\n"
	lineWidth = 70
)

func armour(raw []byte) []byte {
	text := base64.StdEncoding.EncodeToString(raw)
	var b bytes.Buffer
	b.WriteString(begin)
	for len(text) > 0 {
		n := min(lineWidth, len(text))
		b.WriteString(text[:n])
		b.WriteByte('\n')
		text = text[n:]
	}
	b.WriteString(end)
	return b.Bytes()
}

// dearmour takes the text between the armour lines. It need not be strict
// about line widths: Parse compares the whole with its re-serialisation.
func dearmour(b []byte) ([]byte, error) {
	if len(b) > MaxArmoured {
		return nil, fmt.Errorf("longer than %d bytes", MaxArmoured)
	}
	body, ok := bytes.CutPrefix(b, []byte(begin))
	if !ok {
		return nil, errors.New("does not begin with -----BEGIN SSH SIGNATURE-----")
	}
	body, ok = bytes.CutSuffix(body, []byte(end))
	if !ok {
		return nil, errors.New("does not end with -----END SSH SIGNATURE----- and one line feed")
	}
	if bytes.Contains(body, []byte("-----")) {
		return nil, errors.New("holds more than one signature, or armour inside armour")
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(string(body))
	if err != nil {
		return nil, fmt.Errorf("base64: %w", err)
	}
	return raw, nil
}
