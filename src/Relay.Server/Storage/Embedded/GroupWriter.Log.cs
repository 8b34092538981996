namespace Relay.Server.Storage.Embedded;

internal sealed partial class GroupWriter
{
    [LoggerMessage(2001, LogLevel.Error, "The embedded store fails; calls are refused until it works again. {Reason}")]
    private partial void WritesFail(string reason);

    [LoggerMessage(2002, LogLevel.Information, "The embedded store takes writes again.")]
    private partial void WritesWorkAgain();

    [LoggerMessage(2003, LogLevel.Warning, "The embedded store was not closed cleanly; nothing is lost, the next start reads its log. {Reason}")]
    private partial void CloseFailed(string reason);
}
