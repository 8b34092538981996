namespace Relay.Server.Storage;

/// <summary>
/// The store cannot take the call now, or its outcome is unknown, which counts as failed. The message names the cause for an
/// operator and holds nothing secret.
/// </summary>
internal sealed class StoreUnavailableException(string message, Exception? innerException = null) : Exception(message, innerException);
