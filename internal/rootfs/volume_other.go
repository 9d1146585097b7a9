//go:build !linux

package rootfs

// Volume is the volume that name itself lies on: its device.
func (r *Root) Volume(name string) (Volume, error) {
	dev, err := r.Device(name)
	return Volume{Device: dev}, err
}
