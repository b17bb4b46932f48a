"""What real Azure answered, transcribed for our client code: status and body. Ids are our own.

Each entry says when the original was recorded.
"""

from __future__ import annotations

from typing import Any

SUB = "11111111-1111-1111-1111-111111111111"
HOST = f"/subscriptions/{SUB}/resourceGroups/rg-hub/providers/Microsoft.Network/bastionHosts/bastion-hub"
VM = f"/subscriptions/{SUB}/resourceGroups/rg-app/providers/Microsoft.Compute/virtualMachines/vm-app-01"
POLICY = (
    f"/subscriptions/{SUB}/resourceGroups/rg-app/providers/Microsoft.Security"
    "/locations/westeurope/jitNetworkAccessPolicies/default"
)
LINK = "https://bst-9d3c.bastion.azure.com/api/shareable-url/5f5d"

Entry = dict[str, Any]

# 2024-07-23: 202 with the body ``null``.
LINK_CREATED: Entry = {
    "method": "POST",
    "path": f"{HOST}/createShareableLinks",
    "status": 202,
    "body": None,
}
# 2024-07-23, later the same minute. ``message`` is absent on success, not null.
LINKS_READ: Entry = {
    "method": "POST",
    "path": f"{HOST}/getShareableLinks",
    "status": 200,
    "body": {"value": [{"vm": {"id": VM}, "bsl": LINK, "createdAt": "2024-07-23T16:07:55.132Z"}]},
}
LINKS_GONE: Entry = {**LINKS_READ, "body": {"value": []}}
LINK_DELETED: Entry = {**LINK_CREATED, "path": f"{HOST}/deleteShareableLinks"}
# 2018-07-22 and 2022-11-17: no operation to follow, an empty request id, "Initiating".
INITIATED: Entry = {
    "method": "POST",
    "path": f"{POLICY}/initiate",
    "status": 202,
    "body": {
        "virtualMachines": [
            {
                "id": VM,
                "ports": [
                    {
                        "number": 22,
                        "allowedSourceAddressPrefix": "10.0.255.0/26",
                        "endTimeUtc": "2030-01-01T00:00:00.5921811Z",
                        "status": "Initiating",
                        "statusReason": "UserRequested",
                    }
                ],
            }
        ],
        "startTimeUtc": "2029-12-31T23:00:00.5874583Z",
        "requestor": "",
    },
}
# 2018-07-22: requests in no order of time; an ended one says Revoked and why.
POLICY_READ: Entry = {
    "method": "GET",
    "path": POLICY,
    "status": 200,
    "body": {
        "kind": "Basic",
        "properties": {
            "virtualMachines": [
                {
                    "id": VM,
                    "ports": [
                        {
                            "number": 22,
                            "protocol": "TCP",
                            "allowedSourceAddressPrefix": "10.0.255.0/26",
                            "maxRequestAccessDuration": "PT3H",
                        }
                    ],
                }
            ],
            "requests": [
                {
                    "virtualMachines": [
                        {
                            "id": VM.upper(),
                            "ports": [
                                {
                                    "number": 22,
                                    "allowedSourceAddressPrefix": "10.0.255.0/26",
                                    "endTimeUtc": "2030-01-01T00:00:00Z",
                                    "status": "Initiated",
                                    "statusReason": "UserRequested",
                                }
                            ],
                        }
                    ],
                    "startTimeUtc": "2029-12-31T23:00:00Z",
                    "requestor": "",
                },
                {
                    "virtualMachines": [
                        {
                            "id": VM,
                            "ports": [
                                {
                                    "number": 22,
                                    "allowedSourceAddressPrefix": "10.0.255.0/26",
                                    "endTimeUtc": "2031-01-01T00:00:00Z",
                                    "status": "Revoked",
                                    "statusReason": "Expired",
                                }
                            ],
                        }
                    ],
                    "startTimeUtc": "2017-12-31T23:00:00Z",
                    "requestor": "",
                },
            ],
            "provisioningState": "Succeeded",
            "appendMode": False,
        },
        "id": POLICY,
        "name": "default",
        "type": "Microsoft.Security/locations/jitNetworkAccessPolicies",
        "location": "westeurope",
    },
}
# 2023: a missing policy has a code of its own.
POLICY_MISSING: Entry = {
    "method": "GET",
    "path": POLICY,
    "status": 404,
    "body": {
        "error": {
            "code": "PolicyNotFound",
            "message": f"There is no policy {POLICY}.",
        }
    },
}
# 2024-07-23: refused by the gateway, before the resource provider.
HOST_MISSING: Entry = {
    "method": "POST",
    "path": f"{HOST}/getShareableLinks",
    "status": 404,
    "body": {"error": {"code": "ResourceNotFound", "message": "was not found"}},
}
