<#
A tunnel through Azure Bastion, for as long as one client runs: opened in the background, waited
for, and taken down at the end, also after Ctrl-C. It needs the Azure CLI, signed in (az login),
with its extension "bastion". Windows PowerShell 5.1 or PowerShell 7.

    .\FILE                                        the usual client
    .\FILE -LocalPort 20123 -UserName alex        another port of this device, another user
    .\FILE -Client { sftp -P 20123 alex@127.0.0.1 }    any other client in its place
#>
[CmdletBinding()]
param(
    [ValidateRange(1024, 65535)] [int] $LocalPort,
    [string] $UserName,
    [scriptblock] $Client
)
Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'

# (the facts of one access)

if (-not $LocalPort) { $LocalPort = $DefaultPort }
if (-not $UserName) { $UserName = $DefaultUser }
$onWindows = $env:OS -eq 'Windows_NT'
$log = [IO.Path]::GetTempFileName()
$words = @(
    'network', 'bastion', 'tunnel', '--subscription', $Subscription, '--name', $Bastion,
    '--resource-group', $ResourceGroup, $TargetOption, $Target,
    '--resource-port', $RemotePort, '--port', $LocalPort
)
# On Windows az is a batch file, so cmd.exe reads the words again: none may mean anything to it.
foreach ($word in $words) {
    if ("$word" -match '["%&|<>^!\r\n]') { throw "Azure has no such name: $word" }
}

# Looks at the list of listeners. To connect would already be a session at the Bastion.
function Test-Listening {
    $network = [Net.NetworkInformation.IPGlobalProperties]::GetIPGlobalProperties()
    return @($network.GetActiveTcpListeners() | Where-Object { $_.Port -eq $LocalPort }).Count -gt 0
}

function Start-Tunnel {
    $how = @{
        FilePath              = (Get-Command -Name az -CommandType Application)[0].Source
        ArgumentList          = $words | ForEach-Object { '"{0}"' -f $_ }
        RedirectStandardError = $log
        PassThru              = $true
    }
    if ($onWindows) { $how.WindowStyle = 'Hidden' } # a console of its own: Ctrl-C is for the client
    return Start-Process @how
}

function Wait-Tunnel {
    $deadline = (Get-Date).AddSeconds(60)
    while (-not (Test-Listening)) {
        if ($tunnel.HasExited) { throw "The tunnel did not open. $(Get-Content -Raw -Path $log)" }
        if ((Get-Date) -gt $deadline) { throw 'The tunnel did not open in time.' }
        Start-Sleep -Milliseconds 300
    }
}

# az starts a Python of its own, which would go on alone: the whole tree is ended.
function Stop-Tunnel {
    if ($tunnel -and -not $tunnel.HasExited) {
        if ($onWindows) { taskkill.exe /PID $tunnel.Id /T /F | Out-Null } else { $tunnel.Kill($true) }
    }
    Remove-Item -Path $log -ErrorAction SilentlyContinue
    Write-Host "The tunnel to $Machine is down."
}

function Invoke-Client {
    if ($Client) { & $Client }
    elseif ($ClientKind -eq 'ssh') {
        # The alias keeps this machine's key apart from those of others behind the same address.
        ssh -p $LocalPort -o "HostKeyAlias=$HostKeyAlias" -l $UserName 127.0.0.1
    }
    elseif ($ClientKind -eq 'rdp' -and $onWindows) {
        Start-Process -FilePath mstsc.exe -ArgumentList "/v:127.0.0.1:$LocalPort" -Wait
    }
    else {
        Write-Host "Point any client at 127.0.0.1:$LocalPort. Ctrl-C takes the tunnel down."
        while (-not $tunnel.HasExited) { Start-Sleep -Milliseconds 500 } # Ctrl-C ends a sleep
    }
}

if (Test-Listening) { throw "Port $LocalPort of this device is taken. Choose another: -LocalPort 20123" }
$tunnel = $null
try {
    Write-Host "Opening a tunnel to port $RemotePort of $Machine. Access ends $Until."
    $tunnel = Start-Tunnel
    Wait-Tunnel
    Invoke-Client
}
finally {
    Stop-Tunnel
}
