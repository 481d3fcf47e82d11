"""What the Open Inference Protocol says of server and models."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from service.api.tensors import INPUT
from service.gateway.serving import Serving


class Live(BaseModel):
    """The process runs its event loop."""

    model_config = ConfigDict(frozen=True)

    live: bool = True


class Ready(BaseModel):
    """It can answer now."""

    model_config = ConfigDict(frozen=True)

    ready: bool = True


class ModelReady(Ready):
    """Whether a model can answer now."""

    name: Annotated[str, Field(examples=["chest"])]


class ServerReply(BaseModel):
    """Who serves, and by which extensions of the protocol."""

    model_config = ConfigDict(frozen=True)

    name: Annotated[str, Field(examples=["stepwedge"])] = "stepwedge"
    version: Annotated[str, Field(examples=["1"])]
    extensions: list[str] = ["binary_tensor_data"]


class TensorReply(BaseModel):
    """An input or output; -1 stands for the number of rows."""

    model_config = ConfigDict(frozen=True)

    name: Annotated[str, Field(examples=[INPUT])]
    datatype: Annotated[str, Field(examples=["FP32"])]
    shape: Annotated[list[int], Field(examples=[[-1, 1, 64, 64]])]


class ModelMetadata(BaseModel):
    """What a model takes and gives. `parameters` names its findings, in the order of the outputs' columns, and its largest request."""

    model_config = ConfigDict(frozen=True)

    name: Annotated[str, Field(examples=["chest"])]
    versions: Annotated[list[str], Field(examples=[["1"]])]
    platform: Annotated[str, Field(examples=["pytorch_safetensors"])]
    inputs: list[TensorReply]
    outputs: list[TensorReply]
    parameters: Annotated[dict[str, str | int], Field(examples=[{"findings": "opacity,effusion", "max_batch_size": 16}])]

    @classmethod
    def of(cls, serving: Serving, most: int) -> ModelMetadata:
        manifest, geometry, embedding = serving.manifest, serving.geometry, serving.predictor.model.embedding
        columns = {"logits": len(manifest.findings), "probabilities": len(manifest.findings), "embedding": embedding}
        return cls(
            name=manifest.name,
            versions=[manifest.version],
            platform=f"pytorch_{manifest.artifact.format}",
            inputs=[TensorReply(name=INPUT, datatype="FP32", shape=[-1, 1, geometry.rows, geometry.columns])],
            outputs=[
                TensorReply(name=name, datatype="FP32", shape=[-1, columns[name]])
                if name in columns
                else TensorReply(name=name, datatype="BYTES", shape=[-1])
                for name in geometry.outputs
            ],
            parameters={"findings": ",".join(manifest.finding_names), "max_batch_size": most},
        )
