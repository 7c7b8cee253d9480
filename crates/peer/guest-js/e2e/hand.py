"""Somebody's hand on the mouse of GNOME's compositor: lines "X Y" of standard input are presses there."""

import sys

import dbus

LEFT = dbus.Int32(0x110)
FAR = 10_000.0

bus = dbus.SessionBus()
name = "org.gnome.Mutter.RemoteDesktop"
desktop = dbus.Interface(bus.get_object(name, "/org/gnome/Mutter/RemoteDesktop"), name)
mouse = dbus.Interface(bus.get_object(name, desktop.CreateSession()), f"{name}.Session")
mouse.Start()
print("ready", flush=True)
for line in sys.stdin:
    x, y = line.split()
    mouse.NotifyPointerMotionRelative(-FAR, -FAR)
    mouse.NotifyPointerMotionRelative(float(x), float(y))
    for down in (True, False):
        mouse.NotifyPointerButton(LEFT, down)
