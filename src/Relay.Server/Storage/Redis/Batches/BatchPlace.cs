namespace Relay.Server.Storage.Redis.Batches;

/// <summary>Where an event is that is kept in a batch: what <see cref="Delivery.AcceptResult.Place"/> is here.</summary>
/// <param name="Batch">In which.</param>
/// <param name="Number">From 0.</param>
internal sealed record BatchPlace(EventBatch Batch, int Number);
