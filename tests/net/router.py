"""Stands in for a router: UPnP Internet Gateway Device 1.0, as far as a port mapping needs SSDP and SOAP."""

import re
import socket
import struct
from types import TracebackType

import trio

GROUP, PORT = "239.255.255.250", 1900
EXTERNAL = "11.22.33.44"
SERVICE = "urn:schemas-upnp-org:service:WANIPConnection:1"
DEVICE = "urn:schemas-upnp-org:device:InternetGatewayDevice:1"
ROOT = f"""<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0"><device>
<deviceType>{DEVICE}</deviceType><friendlyName>router</friendlyName><deviceList><device>
<deviceType>urn:schemas-upnp-org:device:WANDevice:1</deviceType>
<serviceList><service><serviceType>urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1</serviceType>
<controlURL>/control</controlURL><eventSubURL>/event</eventSubURL><SCPDURL>/scpd</SCPDURL></service></serviceList>
<deviceList><device><deviceType>urn:schemas-upnp-org:device:WANConnectionDevice:1</deviceType>
<serviceList><service><serviceType>{SERVICE}</serviceType><controlURL>/control</controlURL>
<eventSubURL>/event</eventSubURL><SCPDURL>/scpd</SCPDURL></service></serviceList>
</device></deviceList></device></deviceList></device></root>"""
ANSWERS = {
    "GetStatusInfo": "<NewConnectionStatus>Connected</NewConnectionStatus>"
    "<NewLastConnectionError>ERROR_NONE</NewLastConnectionError><NewUptime>1</NewUptime>",
    "GetConnectionTypeInfo": "<NewConnectionType>IP_Routed</NewConnectionType>",
    "GetExternalIPAddress": f"<NewExternalIPAddress>{EXTERNAL}</NewExternalIPAddress>",
    "AddPortMapping": "",
    "DeletePortMapping": "",
}


class Router:
    """Listens on the group and on HTTP at `address`; `mappings` is external port -> (host, port)."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._nursery = trio.open_nursery()
        self.mappings: dict[int, tuple[str, int]] = {}

    async def __aenter__(self) -> "Router":
        nursery = await self._nursery.__aenter__()
        (listener,) = await trio.open_tcp_listeners(0, host=self._address)
        self._port = listener.socket.getsockname()[1]
        nursery.start_soon(trio.serve_listeners, self._http, [listener])
        nursery.start_soon(self._ssdp)
        self._scope = nursery.cancel_scope
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._scope.cancel()
        await self._nursery.__aexit__(kind, error, trace)

    async def _ssdp(self) -> None:
        with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            await sock.bind(("", PORT))
            group = struct.pack("4s4s", socket.inet_aton(GROUP), socket.inet_aton(self._address))
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
            while True:
                data, sender = await sock.recvfrom(2048)
                wanted = re.search(rb"\nST: *(\S+)", data)
                if wanted and wanted[1].decode() in (DEVICE, "ssdp:all", "upnp:rootdevice"):
                    lines = [
                        "HTTP/1.1 200 OK",
                        f"ST: {DEVICE}",
                        f"USN: uuid:router::{DEVICE}",
                        f"LOCATION: http://{self._address}:{self._port}/root.xml",
                        "CACHE-CONTROL: max-age=60",
                        "",
                        "",
                    ]
                    await sock.sendto("\r\n".join(lines).encode(), sender)

    async def _http(self, stream: trio.SocketStream) -> None:
        async with stream:
            data = b""
            while b"\r\n\r\n" not in data:
                data += await stream.receive_some()
            head, _, body = data.partition(b"\r\n\r\n")
            length = re.search(rb"Content-Length: *(\d+)", head, re.IGNORECASE)
            while length and len(body) < int(length[1]):
                body += await stream.receive_some()
            answer = ROOT if head.startswith(b"GET /root.xml") else self._soap(head, body)
            await stream.send_all(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nConnection: close\r\nContent-Length: "
                + str(len(answer)).encode()
                + b"\r\n\r\n"
                + answer.encode()
            )

    def _soap(self, head: bytes, body: bytes) -> str:
        found = re.search(rb'SOAPAction: *"?[^#]*#(\w+)', head, re.IGNORECASE)
        action = found[1].decode() if found else ""

        def field(name: str) -> str:
            value = re.search(rf"<{name}[^>]*>([^<]*)<", body.decode())
            return value[1] if value else ""

        if action == "AddPortMapping":
            internal = field("NewInternalClient"), int(field("NewInternalPort"))
            self.mappings[int(field("NewExternalPort"))] = internal
        elif action == "DeletePortMapping":
            self.mappings.pop(int(field("NewExternalPort")), None)
        return (
            '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
            f'<u:{action}Response xmlns:u="{SERVICE}">{ANSWERS.get(action, "")}</u:{action}Response>'
            "</s:Body></s:Envelope>"
        )
